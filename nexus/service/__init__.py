"""The service: webhooks in, incidents out, over HTTP; `create_app` puts it together from one file a subject."""

from nexus.service.app import create_app
from nexus.service.contract import Reception, ServiceSite

__all__ = ["Reception", "ServiceSite", "create_app"]
