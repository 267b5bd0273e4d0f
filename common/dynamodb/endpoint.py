"""Tell AWS's DynamoDB from one on this machine."""

from urllib.parse import urlsplit

from django.conf import settings

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def is_aws() -> bool:
    """Whether the settings lead to DynamoDB on AWS: there is no endpoint, or it is one of AWS."""
    if settings.DYNAMODB_ENDPOINT_URL is None:
        return True
    host = urlsplit(settings.DYNAMODB_ENDPOINT_URL).hostname or ""
    return host.endswith(AWS_DOMAINS)
