# Each service may do what it does, to its own tables, models, secrets and logs.

locals {
  table_arns = { for name, table in aws_dynamodb_table.this : name => [table.arn, "${table.arn}/index/*"] }

  # What the repositories use. A transaction needs the permissions of its parts; lists query indexes and
  # never scan.
  record_actions = [
    "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
    "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
  ]

  # Sources differ on which action the bidirectional operation needs: both, on the model alone.
  sonic_actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithBidirectionalStream"]
  sonic_arns    = [for region in local.sonic_regions : "arn:${local.partition}:bedrock:${region}::foundation-model/${var.nova_sonic_model_id}"]
}

data "aws_iam_policy_document" "assume" {
  for_each = {
    lambda = "lambda.amazonaws.com"
    tasks  = "ecs-tasks.amazonaws.com"
    flow   = "vpc-flow-logs.amazonaws.com"
    api    = "apigateway.amazonaws.com"
  }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

#### REST API

resource "aws_iam_role" "api" {
  name               = "${local.name}-api"
  assume_role_policy = data.aws_iam_policy_document.assume["lambda"].json
}

data "aws_iam_policy_document" "api" {
  statement {
    sid       = "Records"
    actions   = local.record_actions
    resources = concat(local.table_arns["orders"], local.table_arns["appointments"])
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.this["django-secret-key"].arn, aws_secretsmanager_secret.this["api-jwt-secret"].arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this["api"].arn}:*"]
  }

  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"] # X-Ray knows no resources
  }
}

resource "aws_iam_role_policy" "api" {
  name   = "api"
  role   = aws_iam_role.api.id
  policy = data.aws_iam_policy_document.api.json
}

#### Voice

resource "aws_iam_role" "voice" {
  name               = "${local.name}-voice"
  assume_role_policy = data.aws_iam_policy_document.assume["tasks"].json
}

data "aws_iam_policy_document" "voice" {
  statement {
    sid       = "Model"
    actions   = local.sonic_actions
    resources = local.sonic_arns
  }

  statement {
    sid       = "Records"
    actions   = local.record_actions
    resources = concat(local.table_arns["orders"], local.table_arns["appointments"], local.table_arns["calls"])
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  # A task with live calls protects itself from scale-in and deployments, and asks whether it is to stop.
  statement {
    sid       = "Task"
    actions   = ["ecs:DescribeTasks", "ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
    resources = ["arn:${local.partition}:ecs:${var.aws_region}:${local.account_id}:task/${local.name}/*"]
  }
}

resource "aws_iam_role_policy" "voice" {
  name   = "voice"
  role   = aws_iam_role.voice.id
  policy = data.aws_iam_policy_document.voice.json
}

#### Site, and the task that migrates its database

resource "aws_iam_role" "site" {
  name               = "${local.name}-site"
  assume_role_policy = data.aws_iam_policy_document.assume["tasks"].json
}

data "aws_iam_policy_document" "site" {
  statement {
    sid       = "Records"
    actions   = local.record_actions
    resources = concat(local.table_arns["orders"], local.table_arns["appointments"], local.table_arns["calls"])
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role_policy" "site" {
  name   = "site"
  role   = aws_iam_role.site.id
  policy = data.aws_iam_policy_document.site.json
}

#### What ECS does to start a task

resource "aws_iam_role" "execution" {
  name               = "${local.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.assume["tasks"].json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the registry as a whole
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this.arn]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat([for secret in aws_secretsmanager_secret.this : secret.arn], [aws_secretsmanager_secret.database.arn])
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for name in ["voice", "site", "migrate", "mail"] : "${aws_cloudwatch_log_group.this[name].arn}:*"]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

#### Flow logs, and API Gateway's access log

resource "aws_iam_role" "flow_logs" {
  name               = "${local.name}-flow-logs"
  assume_role_policy = data.aws_iam_policy_document.assume["flow"].json
}

data "aws_iam_policy_document" "flow_logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${aws_cloudwatch_log_group.this["flow"].arn}:*"]
  }
}

resource "aws_iam_role_policy" "flow_logs" {
  name   = "flow-logs"
  role   = aws_iam_role.flow_logs.id
  policy = data.aws_iam_policy_document.flow_logs.json
}

resource "aws_iam_role" "api_gateway" {
  name               = "${local.name}-api-gateway"
  assume_role_policy = data.aws_iam_policy_document.assume["api"].json
}

resource "aws_iam_role_policy_attachment" "api_gateway" {
  role       = aws_iam_role.api_gateway.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}
