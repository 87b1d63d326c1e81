"""Tongues: the closed list of what texts ask of their readers, in German, French, Spanish, Portuguese, Russian, Chinese and Japanese."""

from __future__ import annotations

import re

from nexus.grounding.fold import plain


def _any(words: str) -> str:
    """Alternatives, folded as the text is; an underscore is a space."""
    return "|".join(sorted({plain(word).replace("_", " ") for word in words.split()}, key=len, reverse=True))


_GERMAN_DO = _any(
    "besuchen anklicken klicken antippen tippen herunterladen laden installieren deinstallieren anrufen rufen telefonieren überweisen zahlen "
    "bezahlen einzahlen senden schicken eingeben geben bestätigen ändern zurücksetzen teilen mitteilen weitergeben kontaktieren ignorieren "
    "missachten deaktivieren abschalten ausschalten öffnen wenden schreiben mailen kaufen löschen scannen spenden folgen melden einloggen anmelden"
)
_GERMAN_SIE = _any(
    "besuchen klicken tippen laden installieren rufen überweisen zahlen bezahlen senden schicken geben bestätigen ändern setzen teilen "
    "kontaktieren ignorieren missachten deaktivieren schalten öffnen wenden schreiben kaufen löschen scannen spenden folgen melden loggen"
)
_GERMAN_DU = _any(
    "besuche besucht klicke klick klickt lade ladet installiere installiert ruf rufe ruft überweise überweist zahle zahlt bezahle sende schicke "
    "schick gib gebt bestätige bestätigt kontaktiere kontaktiert ignoriere ignoriert missachte deaktiviere schalte öffne schreib schreibe "
    "kaufe lösche scanne spende folge melde wende vergiss"
)
_FRENCH_DO = _any(
    "visiter cliquer télécharger installer désinstaller appeler téléphoner payer verser virer transférer envoyer saisir entrer confirmer "
    "réinitialiser partager communiquer donner contacter ignorer désactiver écrire ouvrir scanner acheter supprimer changer modifier suivre"
)
_FRENCH_IMPERATIVE = _any(
    "visitez cliquez téléchargez installez désinstallez appelez téléphonez payez versez virez transférez envoyez saisissez entrez confirmez "
    "réinitialisez partagez communiquez donnez contactez ignorez désactivez écrivez ouvrez scannez achetez supprimez changez modifiez suivez "
    "rendez-vous_sur allez_sur connectez-vous oubliez composez"
)
_SPANISH_DO = _any(
    "visitar clic descargar instalar desinstalar llamar pagar transferir enviar introducir ingresar confirmar restablecer compartir contactar "
    "ignorar desactivar escribir abrir escanear comprar borrar eliminar cambiar depositar"
)
_SPANISH_IMPERATIVE = _any(
    "visite visiten haga_clic haz_clic hagan_clic descargue descarguen instale instalen llame llamen pague paguen transfiera transfieran "
    "transfiere envíe envíen introduzca ingrese ingresen confirme confirmen restablezca comparta compartan contacte contacten "
    "póngase_en_contacto ignore ignoren desactive desactiven escriba escanee compre borre elimine cambie deposite olvide"
)
_SPANISH_TU = _any(
    "visita descarga instala llama paga envía confirma comparte ignora desactiva escribe abre compra introduce cambia olvida pulsa"
)
_PORTUGUESE_DO = _any(
    "visitar clicar baixar descarregar instalar ligar telefonar pagar transferir enviar inserir digitar confirmar redefinir partilhar "
    "compartilhar contactar contatar ignorar desativar desactivar escrever abrir comprar apagar depositar"
)
_PORTUGUESE_IMPERATIVE = _any(
    "visite visitem clique cliquem baixe baixem descarregue instale instalem ligue liguem pague paguem transfira transfiram envie enviem "
    "insira digite confirme confirmem redefina compartilhe compartilhem partilhe contacte contate entre_em_contato ignore ignorem desative "
    "desactive escreva acesse acessem aceda apague deposite esqueça"
)
_RUSSIAN_DO = _any(
    "посетить перейти нажать кликнуть скачать загрузить установить удалить позвонить заплатить оплатить перевести отправить прислать ввести "
    "подтвердить сбросить сменить изменить сообщить связаться игнорировать проигнорировать отключить выключить написать открыть купить войти"
)
_RUSSIAN_IMPERATIVE = _any(
    "посетите перейдите нажмите кликните скачайте загрузите установите удалите позвоните звоните заплатите оплатите переведите отправьте "
    "пришлите введите подтвердите сбросьте смените измените поделитесь сообщите свяжитесь игнорируйте проигнорируйте отключите выключите "
    "напишите пишите откройте купите зайдите войдите забудьте сканируйте отсканируйте перешлите внесите"
)
_CHINESE_DO = _any(
    "访问 訪問 点击 點擊 下载 下載 安装 安裝 致电 致電 拨打 撥打 联系 聯繫 聯絡 付款 支付 转账 轉賬 轉帳 汇款 匯款 输入 輸入 确认 確認 重置 重設 分享 "
    "提供 发送 發送 忽略 无视 無視 禁用 停用 关闭 關閉 扫描 掃描 扫码 掃碼 添加 登录 登錄 登入 打开 打開 购买 購買 删除 刪除 转发 轉發"
)
_CHINESE = _any(
    "点击此处 點擊此處 点击这里 點擊這裡 点击链接 點擊鏈接 点击下方 访问我们 訪問我們 联系我们 聯繫我們 聯絡我們 立即致电 拨打热线 撥打熱線 忽略以上 忽略以前 "
    "忽略之前 忽略所有 忽略此 无视以上 关闭防火墙 扫描二维码 掃描二維碼 您的密码 您的密碼 你的密码 验证码 驗證碼 比特币 比特幣 转账到 汇款到 支付到 发短信 加微信"
)
_JAPANESE_DO = _any(
    "クリック タップ ダウンロード インストール アクセス 電話 送金 振り込 振込 支払 入力 確認 リセット 変更 共有 連絡 送信 無視 無効 停止 購入 登録 ログイン 訪問 "
    "開いて 教えて 削除 スキャン 押して お問い合わせ"
)
_JAPANESE_PLEASE = _any(
    "ください 下さい お願いします お願い致します お願いいたします しなければなりません する必要があります べきです しろ せよ なさい しましょう"
)

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bbitte\b(?: \w+){{0,9}}? (?:{_GERMAN_DO})\b",
        rf"\b(?:sie|du|ihr|kunden|nutzer|benutzer|alle|jeder)\b(?: \w+)? (?:sollten|sollen|mussen|musst|solltest|mussten|durfen nun|werden gebeten)\b(?: \w+){{0,10}}? (?:{_GERMAN_DO})\b",
        rf"\b(?:{_GERMAN_SIE}) sie\b(?! nicht\b)",
        rf"(?:^|\| |\bund |\bbitte )(?:{_GERMAN_DU}) (?:uns|mich|dich|dir|euch|hier|jetzt|sofort|die|der|den|das|dein\w*|eur\w*|unser\w*|alle\w*|auf|an|\d+)\b",
        rf"\b(?:veuillez|merci de|priere de|vous devez|vous devriez|il faut|sil vous plait|svp|pensez a|nhesitez pas a)\b(?: (?!\|)\w+){{0,3}}? (?:{_FRENCH_DO})\b",
        rf"(?<!vous )(?<!si vous )\b(?:{_FRENCH_IMPERATIVE})\b",
        rf"\b(?:por favor|debe|debes|deben|deberia|deberian|tiene que|tienes que|tienen que|hay que|favor de|necesita|necesitan)\b(?: \w+){{0,3}}? (?:{_SPANISH_DO})\b",
        rf"(?:^|\| |\by |\bpor favor )(?:{_SPANISH_IMPERATIVE})\b",
        rf"(?:^|\| |\bpor favor )(?:{_SPANISH_TU}) (?:a|al|la|el|los|las|tu|tus|este|esta|estos|nos|aqui|nuestr\w+|todas?|todos|\d+)\b",
        rf"\b(?:por favor|deve|devem|deveria|precisa|precisam|tem de|tem que|e preciso)\b(?: \w+){{0,3}}? (?:{_PORTUGUESE_DO})\b",
        rf"(?:^|\| |\be |\bpor favor )(?:{_PORTUGUESE_IMPERATIVE})\b",
        rf"\b(?:{_any('пожалуйста должны нужно необходимо следует надо просим')})\b(?: \w+){{0,3}}? (?:{_RUSSIAN_DO})\b",
        rf"\b(?:{_RUSSIAN_IMPERATIVE})\b",
        rf"(?:[请請]|{_any('必须 必須 应该 應該 需要您 务必 務必')})\w{{0,8}}(?:{_CHINESE_DO})",
        rf"(?:{_CHINESE})",
        rf"(?:{_JAPANESE_DO})\w{{0,8}}(?:{_JAPANESE_PLEASE})",
    )
)


def asks_elsewhere(line: str, ours: str) -> str | None:
    """What a sentence, folded and with bars between its clauses, asks its reader in one of these languages."""
    for pattern in _PATTERNS:
        found = pattern.search(line)
        if found and found[0].strip(" |") not in ours:
            return found[0].strip(" |")
    return None
