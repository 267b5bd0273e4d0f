# The worker that sends e-mails to patients through Amazon SES and posts events to webhooks: `manage.py send_messages`. One
# task, and only with `email_from` or `webhooks`. The domain or address must be a verified identity of SES in this Region.

locals {
  has_mail_worker = var.email_from != "" || var.webhooks
}

resource "aws_iam_role" "mail" {
  name               = "${local.name}-mail"
  assume_role_policy = data.aws_iam_policy_document.assume["tasks"].json
}

data "aws_iam_policy_document" "mail" {
  statement {
    sid       = "Records"
    actions   = local.record_actions
    resources = local.table_arns["appointments"]
  }

  statement {
    sid       = "Calls" # what stands below each e-mail; calls that nobody can resume are ended
    actions   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    resources = local.table_arns["calls"]
  }

  statement {
    sid       = "Send"
    actions   = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = ["arn:${local.partition}:ses:${var.aws_region}:${local.account_id}:identity/*"]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role_policy" "mail" {
  name   = "mail"
  role   = aws_iam_role.mail.id
  policy = data.aws_iam_policy_document.mail.json
}

resource "aws_ecs_task_definition" "mail" {
  family                   = "${local.name}-mail"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.mail.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge({ for key, value in local.container : key => value if !contains(["healthCheck", "portMappings"], key) }, {
    name             = "mail"
    command          = ["python", "manage.py", "send_messages"]
    stopTimeout      = 60 # it finishes the e-mail that it sends
    logConfiguration = local.logs["mail"]
    environment      = [for name, value in merge(local.container_environment, { EMAIL_URL = "ses:" }) : { name = name, value = value }]
    secrets          = [for name, arn in local.container_secrets : { name = name, valueFrom = arn }]
  })])
}

resource "aws_ecs_service" "mail" {
  name                               = "mail"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.mail.arn
  desired_count                      = local.has_mail_worker ? 1 : 0
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  propagate_tags                     = "SERVICE"
  enable_ecs_managed_tags            = true
  deployment_minimum_healthy_percent = 0 # messages wait meanwhile
  deployment_maximum_percent         = 100

  network_configuration {
    subnets          = aws_subnet.private[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    precondition {
      condition     = !local.has_mail_worker || var.egress == "nat"
      error_message = "email_from, webhooks: they need egress = \"nat\"; Amazon SES has no interface endpoint here, and webhooks go to the internet."
    }
  }

  depends_on = [aws_iam_role_policy.mail, aws_iam_role_policy.execution]
}

# The worker logs an error for each message that failed for good, or may have been sent or not.
resource "aws_cloudwatch_log_metric_filter" "emails_not_sent" {
  name           = "${local.name}-emails-not-sent"
  log_group_name = aws_cloudwatch_log_group.this["mail"].name
  pattern        = "{ ($.event = \"message failed\") || ($.event = \"message uncertain\") }"

  metric_transformation {
    name      = "EmailsNotSent"
    namespace = local.metrics_namespace
    value     = "1"
  }
}

# It logs each minute that it has done its work.
resource "aws_cloudwatch_log_metric_filter" "mail_worker_passes" {
  name           = "${local.name}-mail-worker-passes"
  log_group_name = aws_cloudwatch_log_group.this["mail"].name
  pattern        = "{ $.event = \"worker pass finished\" }"

  metric_transformation {
    name      = "MailWorkerPasses"
    namespace = local.metrics_namespace
    value     = "1"
  }
}

# It logs an error for each event that was not delivered, for each webhook that it disables, and for its own faults.
resource "aws_cloudwatch_log_metric_filter" "webhooks_failed" {
  name           = "${local.name}-webhooks-failed"
  log_group_name = aws_cloudwatch_log_group.this["mail"].name
  pattern        = "{ ($.event = \"webhook failed\") || ($.event = \"webhook endpoint disabled\") || ($.event = \"webhook worker failed\") || ($.event = \"webhook delivery not readable\") || ($.event = \"webhook endpoint not readable\") }"

  metric_transformation {
    name      = "WebhooksFailed"
    namespace = local.metrics_namespace
    value     = "1"
  }
}
