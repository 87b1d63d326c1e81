"""Every error NEXUS raises on purpose, as one tree.

    NexusError
    ├── UsageError                 nothing was begun; exit status 2
    │   ├── AlertError             the alert cannot be read
    │   ├── LibraryError           agents, prompts or graphs do not fit together
    │   ├── SettingsError          nexus.yaml, the environment or a flag
    │   ├── WorldError             the named sandbox scenario, recording or world file
    │   ├── IncidentHeld           another process drives that incident
    │   └── AnswerRefused          a person's answer that fits no open question
    ├── ToolError                  a look at the world failed; becomes a recorded fact
    │   ├── Unavailable            the world has no such capability, or it is down
    │   └── NotAllowed             the agent's list does not hold that tool
    ├── ResponderError             an agent gave no usable answer; becomes a recorded fact
    │   └── ModelError             the model gave none: rules take the task over
    │       ├── ModelUnreachable   no connection, overloaded, failing or too slow
    │       ├── ModelRefused       the server says no: key, model name, request, context window
    │       ├── ModelNonsense      it answered, again and again, and nothing of it could be used
    │       └── OverBudget         steps, tokens or USD are used up
    ├── ActionError                a change was not made
    │   ├── ActionRefused          policy, allow-list, approval or a read-only world says no
    │   ├── ActionFailed           the world tried and failed
    │   └── ActionUnknown          nobody can say whether it was made
    └── RecordsError               the store cannot be read or written

The first line of a message says what is wrong; `remedy` says what to do next.
"""

from __future__ import annotations


class NexusError(Exception):
    """Base of all: `str(error)` is one line that names the thing and the next step."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}" if self.remedy else self.what


class UsageError(NexusError):
    """Asked for something that cannot be begun."""


class AlertError(UsageError):
    """The alert cannot be read."""


class LibraryError(UsageError):
    """The runbook's content is missing, malformed or does not fit together."""


class SettingsError(UsageError):
    """A setting is missing, of the wrong type or out of range."""


class WorldError(UsageError):
    """The world that was named does not exist or cannot be read."""


class IncidentHeld(UsageError):
    """Another process drives that incident."""

    def __init__(self, incident: str) -> None:
        super().__init__(f"{incident} is in another process's hands", "nexus show follows it; end that process to take it over")
        self.incident = incident


class AnswerRefused(UsageError):
    """A person's answer that fits no open question: it changes nothing."""


class ToolError(NexusError):
    """A look at the world failed."""


class Unavailable(ToolError):
    """The world has no such capability, or it does not answer."""


class NotAllowed(ToolError):
    """The agent's front matter does not list that tool."""


class ResponderError(NexusError):
    """An agent gave no usable answer."""


class ModelError(ResponderError):
    """The model gave no usable answer."""


class ModelUnreachable(ModelError):
    """No connection, overloaded, failing or too slow, after all retries."""


class ModelRefused(ModelError):
    """The server refused the request itself; asking again would not help."""


class ModelNonsense(ModelError):
    """The model answered, but nothing that could be used."""


class OverBudget(ModelError):
    """The next call would go beyond what this agent or incident may spend."""


class ActionError(NexusError):
    """A change to the world was not made."""


class ActionRefused(ActionError):
    """Policy, the agent's allow-list, the approval or a read-only world says no."""


class ActionFailed(ActionError):
    """The world tried to make the change and failed."""


class ActionUnknown(ActionError):
    """Whether the change was made cannot be found out."""


class RecordsError(NexusError):
    """The store of events and evidence cannot be read or written."""
