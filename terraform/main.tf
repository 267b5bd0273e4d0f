# What everything else refers to. Topic files:
#
#   network.tf    VPC, subnets, egress, endpoints      dynamodb.tf   the three tables
#   alb.tf        load balancer, listeners, rules      lambda.tf     REST API: function
#   ecs.tf        cluster, image repository, tasks     api.tf        REST API: API Gateway
#   voice.tf      voice service and its scaling        site.tf       site service, migrations
#   database.tf   Aurora for Django's own tables       secrets.tf    secrets (values are set apart)
#   iam.tf        roles                                waf.tf        web application firewall
#   logs.tf       log groups, keys, buckets            monitoring.tf dashboard, alarms, queries

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name = "${var.project_name}-${var.stage}"
  # Load balancers and target groups may have 32 characters, and no hyphen at the end.
  short_name = trimsuffix(substr(local.name, 0, 30), "-")
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  zones      = slice(data.aws_availability_zones.available.names, 0, var.availability_zone_count)

  sonic_regions = length(var.nova_sonic_regions) > 0 ? var.nova_sonic_regions : [var.aws_region]
  # As reported in October 2026; the server checks the same list (voice/sonic/families.py).
  nova_2_5_regions = ["us-east-1", "us-west-2", "eu-north-1", "ap-northeast-1"]

  # Metrics of the application (CloudWatch embedded metric format).
  metrics_namespace = "NovaSonic/${var.stage}"

  # Environment that Lambda, voice and site share; var.environment may add and replace.
  environment = {
    ORDERS_TABLE       = aws_dynamodb_table.this["orders"].name
    APPOINTMENTS_TABLE = aws_dynamodb_table.this["appointments"].name
    API_CORS_ORIGINS   = join(",", var.allowed_origins)
    LOGLEVEL           = var.log_level
    LOG_FORMAT         = "json"
    METRICS_NAMESPACE  = local.metrics_namespace
    SITE_URL           = "https://${var.domain_name}"
    EMAIL_FROM         = var.email_from
  }
}
