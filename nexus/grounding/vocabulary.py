"""Vocabulary: the closed lists that tell an ordinary word of operations from a name."""

from __future__ import annotations

CAPITALISED = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
    november december jan feb mar apr jun jul aug sep sept oct nov dec i im ive ill id english
    investigating identified monitoring resolved known unknown under investigation status impact current action next update situation
    cause revenue users data reputation none incident brief
    """.split()
)
"""Words that may stand with a capital anywhere: days, months, I, and the headings and states of the house's own templates."""

ACRONYMS = frozenset(
    """
    api apis cpu cpus http https utc gmt usd eur gbp gdpr ccpa eta sla slas slo slos sli slis faq pdf csv json xml html css url urls
    ok id ids ui it pr qa hr am pm ci cd na kpi rca tbd asap fyi not no all and or only must now
    """.split()
)
"""Written in capitals by everybody. DNS, SSL, TLS, VPN, CDN, SQL, DDOS and the like are not here: they name a cause, and a cause
has to be in the record; nor are EU, UK and US, which name a scope.
"""

CODES = frozenset("p50 p75 p90 p95 p99 p999 p0 p1 p2 p3 1xx 2xx 3xx 4xx 5xx 24/7 http/1.1 http/2 http/3 b2b b2c".split())
"""Words with digits that are no identifiers."""

STARTERS = frozenset(
    """
    a about above access according account accounts across action actions additional affected after again alert alerts all also
    although an and another any anyone anything api apologies are around as at availability because before below between both
    browsing but by calls can capacity card carts cause causes changes check checkout checkouts checks client clients complaints
    confidence connections consequently content current currently customer customers data databases day delays delivery despite
    detection do downtime due during each earlier early effect either email emails engineering engineers error errors eta even
    every everybody everyone everything evidence examination existing except exports failed failing failures few fewer first five fix
    following for four from full further given half here how however i if impact impacted in incident information initial initially
    instead internal investigation is it its items just last late latency later less load logging login logins logs mail many
    meanwhile measures members message messages metrics minor mitigation mobile monitoring more most much needed neither new next no
    nobody none nor normal not nothing notifications now number observed of off on once one only operation operations order orders
    other otherwise our outage outages over overall page pages part partial parts payment payments people per performance perhaps
    photos please point possible preventing previous previously probable problem problems progress provider public purchases queries
    question recent recovery reports reputation request requests response responses rest restoration results retries revenue rollback
    sales same saved search second security see service services several severity shoppers shopping sign signs similar since situation
    six slow slowness so some something soon specific staff state status still such support symptoms systems team teams ten than
    that the their them then there therefore these they thing third this those though three through throughout thus time times to
    thanks together total traffic transactions triage trouble two uncertain under unfortunately unknown unless until update updates upon
    uploads usage use users usual verification very via video visitors was we website well were what whatever when whenever where
    whether which while who whole why wide will with within without work workaround yes yesterday yet you your zero
    abnormal active address addresses advance afternoon air alternative annual app approval apps archive article asset assets audio
    authentication authorisation authorization automatic average backend background backlog backup backups balance bandwidth bank banner
    basket batch beta better big billing booking bookings broad browser browsers budget build bulk business button buttons cache calendar
    call camera campaign canary careful cash catalog catalogue central certain certificate channel chart chat checkin clean clear click
    client cloud cluster code collaboration comment comments commercial common communication company complete component components
    computer config constant contact container contract control core corporate correct cost count country credential credit crew cross
    crucial daily dashboard date deep default demand deploy desktop detail details developer device devices digital direct disk display
    document documents domain double download downloads draft dry east easy eight empty end endpoint endpoints entire entry equipment
    escalation evening event events exact expected expert export extra face fair false fast feature features feed feedback field figure
    file files final finance firewall flag flags fleet flow font food forecast foreign form forms forum fraud fresh frontend fuel
    function game gateway general gift global good graph green group growth guest half hand hard hardware headroom health heavy help high hint
    history home host hosts hot hotel hour hourly house human idle image images immediate import imports inbound index input inventory
    invoice invoices issue issues job jobs key keys known lack large latest launch layer lead leader learning legacy level light likely
    limit limits line link links list live local location lock log long loss low machine main major map maps market marketing maximum
    media median meeting member memory menu merchant merchants middle migration minimum minute minutes model modest moderate month
    monthly morning movement movie multiple music name narrow native network newsletter news nightly nine node nodes north note notes
    number object objects offer office offline old online open operator option options orange original outbound output owner pace
    parallel parent parking parser partner partners passenger passengers password passwords patch path patient patients pattern peak
    permission permissions person phase phone photo pipeline pipelines place plan plans platform play playback player pod pods pool poor
    port portal post power present press price prices pricing primary print priority private process processes processor product
    production products profile profiles program progress project promotion proof proper protection proxy push quality quarter query
    queue quick quiet quota raw read reader readers real reason red refund refunds region regions register release releases remote
    render renewal repair reply report reserve reset resource result retail retry return reverse review reviews rider right risk role
    room root route router routes routine rule rules sample satellite schedule school scope score screen script scripts seat
    secondary section sector self seller sellers sender serial series server servers session sessions setting settings seven shape share
    shipment shipments shipping shop shops short sidebar site sites size small snapshot social socket software source south space
    speed spike split sport staging stale standby start state step steps stock storage store stores stream streams string strong
    student students subscriber subscribers subscription subscriptions summary sure surface survey sync tab table task tasks tax tenant
    tenants tenth test tests text theme thread threads ticket tickets tier tile timeout timeouts token tokens tool tools topic trace
    traces track trading train trend trip true turnover type typical underlying unique unit upgrade upload upstream urgent vehicle
    vendor vendors version video view visible visit visitor visitors visual voice volume volumes voucher wallet warehouse warning warm
    watch weather web webhook webhooks week weekend weekly weight west wholesale wishlist word worker workers workflow workflows workload
    workloads world worst writer wrong year
    almost approximately around close down nearly roughly thank up well deliveries
    """.split()
)
"""Words that begin sentences of status updates, briefs, findings and post-mortems and are no names."""

VERBS = frozenset(
    """
    add adjust align allocate apply ask assess assign avoid begin book bring brief build call capture check clarify close collect
    compare complete confirm consider continue coordinate count decide define deploy disable document draft enable engage ensure
    escalate establish estimate expand explain extend file find fix focus free freeze give hold identify improve increase inform
    introduce investigate involve isolate keep lead let limit list look maintain make map measure mitigate monitor move name notify
    obtain offer open pause plan postpone prepare preserve prevent prioritise prioritize protect provide publish put raise reallocate
    reassign record redirect reduce release remove repair repeat replace report request require reschedule reserve restart restore
    return review revert roll rotate run scale schedule secure see send set share shift show start stop support switch take tell test
    trace track treat tune turn update use validate verify wait watch widen work write
    """.split()
)
"""What a proposal begins with."""

AFTER_A_NAME = frozenset(
    """
    is was has had does did will would can could may might must and s says said reports confirms causes fails goes went needs wants
    sends broke made took got caused deployed pushed released failed reported confirmed changed approved admitted denied acquired
    """.split()
)
"""Words that follow a name which is a sentence's subject; a common noun in the singular would have an article."""

STRANGERS = frozenset(
    """
    aws amazon azure microsoft google gcp cloudflare akamai fastly stripe paypal adyen braintree worldpay twilio sendgrid mailgun
    okta auth0 datadog grafana splunk pagerduty newrelic github gitlab bitbucket atlassian jira oracle mongodb redis kafka rabbitmq
    postgres postgresql mysql mariadb cassandra elasticsearch kubernetes docker heroku vercel netlify digitalocean linode ovh hetzner
    rackspace salesforce slack mastercard amex klarna shopify facebook instagram whatsapp telegram tiktok twitter linkedin youtube
    cisco vmware snowflake crowdstrike equinix verizon comcast vodafone telekom tencent alibaba openai anthropic ibm intel
    nvidia dell huawei citrix fortinet jenkins terraform ansible nginx apache istio log4j windows linux android iphone
    alice bob john jane peter paul michael david james robert maria anna julia thomas daniel sarah emma laura kevin brian steve
    stephen andrew matthew joseph charles christopher george edward jennifer linda elizabeth barbara susan jessica karen nancy lisa
    betty sandra ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca sharon cynthia kathleen amy
    angela shirley pamela nicole samantha katherine christine rachel carolyn janet catherine heather diane olivia sophia isabella
    mohammed muhammad ahmed ali fatima omar hassan ivan dmitri sergei vladimir olga natasha wei hiroshi yuki priya raj carlos jose
    juan luis miguel sofia lucas mateo pierre jean francois hans klaus jurgen wolfgang stefan giovanni marco luca jason justin brandon
    eric ryan jacob nathan zachary tyler kyle noah ethan logan patrick jack dennis jerry alexander gregory samuel benjamin
    """.split()
)
"""Vendors, products and first names that are names however they are written."""

BEFORE_HYPHENS = frozenset(
    """
    a all anti any at auto back bi by check co counter cross cut day de double down drop e eight end ever ex face far fast five follow
    for four free front full get go good half hand hard high hot hour in inter kick know known last late left life log long look low
    make mid mini micro minute month multi near nine no non off old on one opt out over part peer pick point post pre pro quasi quick
    re read real roll round run second self semi set seven shared short side sign single six slow so soft start state step stop sub
    super switch take ten third three time top try turn two ultra un under up warm week well whole wide work worst year
    """.split()
)
"""First parts that make a hyphenated word an ordinary one: follow-up, third-party, on-call, read-only, post-mortem."""

AFTER_HYPHENS = frozenset(
    """
    a and around at away back backs based bound by call cause day days down downs end ended ends fold free friendly half hand hour hours
    in ins length less level levels like long mail minute minutes month months name of off offs on only or out outs over overs party
    person point prone proof quality ready related reset resets run runs safe scale second seconds side specific step term the through throughs time
    times to ups up way week weeks wide wise word words work year years
    """.split()
)
"""Later parts that do the same: end-to-end, server-side, real-time."""

ENDINGS = ("ing", "ed", "ly", "ble", "less", "ful", "ous", "ive", "wide", "wise", "fold", "most")
"""Endings of a last part that do the same: customer-facing, rate-limited, user-visible."""
