"""Keys that detect-secrets, which loads this, does not know: found by the form that issuers give them."""

from __future__ import annotations

import re

from detect_secrets.plugins.base import RegexBasedDetector

_FORMS = (
    r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}",  # GitHub, fine-grained
    r"AIza[0-9A-Za-z_-]{35}",  # Google
    r"GOCSPX-[0-9A-Za-z_-]{28}",
    r"sk-ant-[a-z]+[0-9]+-[0-9A-Za-z_-]{80,}",  # providers of language models
    r"sk-(?:proj|svcacct)-[0-9A-Za-z_-]{20,}",
    r"hf_[A-Za-z]{34}",  # Hugging Face
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"hv[sb]\.[0-9A-Za-z_-]{24,}",  # Vault
    r"shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}",  # Shopify
    r"glrt-[0-9A-Za-z_-]{20}",  # GitLab, runners
    r"dckr_pat_[0-9A-Za-z_-]{27}",  # Docker
    r"xapp-[0-9]-[0-9A-Z]+-[0-9]+-[0-9a-f]{64}",  # Slack, applications
)


class KnownKeys(RegexBasedDetector):  # type: ignore[misc] # its types are not here
    """Keys whose form says whose they are."""

    secret_type = "Access Key of a Known Form"  # noqa: S105 - what it is called
    denylist = tuple(re.compile(rf"(?<![0-9A-Za-z]){form}") for form in _FORMS)
