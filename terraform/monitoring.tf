# Dashboard, alarms and saved queries. docs/runbook.md says what each alarm means and what to do first.

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = toset(var.alarm_emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

data "aws_iam_policy_document" "alarms" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

#### Alarms on one metric each. The key is the end of the alarm's name, and its heading in docs/runbook.md.

locals {
  voice_metric = { namespace = local.metrics_namespace, dimensions = { Service = "voice" } }
  site_metric  = { namespace = local.metrics_namespace, dimensions = { Service = "site" } }
  alb          = { LoadBalancer = aws_lb.this.arn_suffix }
  voice_group  = merge(local.alb, { TargetGroup = aws_lb_target_group.voice.arn_suffix })
  site_group   = merge(local.alb, { TargetGroup = aws_lb_target_group.site.arn_suffix })
  voice_tasks  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.voice.name }

  alarms = {
    first-audio-slow = merge(local.voice_metric, {
      description = "95 % of the replies should begin within 1.5 s of the end of the customer's speech."
      metric      = "FirstAudio", statistic = "p95", threshold = 1500, minutes = 3, of = 5
    })
    sessions-near-quota = merge(local.voice_metric, {
      description = "Over 80 % of a Region's Nova Sonic sessions are in use."
      metric      = "SessionQuotaUsed", statistic = "Maximum", threshold = 80, minutes = 2, of = 3
    })
    calls-refused = merge(local.voice_metric, {
      description = "Customers hear that all lines are busy."
      metric      = "CallsRefused", statistic = "Sum", threshold = 3, minutes = 2, of = 5
    })
    lines-captured = merge(local.voice_metric, {
      description = "Calls without speech take the lines: they are ended early."
      metric      = "SilentCallsEnded", statistic = "Sum", threshold = 3, minutes = 2, of = 5
    })
    model-budget = merge(local.voice_metric, {
      description = "Over 80 % of the minutes that all calls may use today, or this month, are used."
      metric      = "ModelBudgetUsed", statistic = "Maximum", threshold = 80, minutes = 1, of = 1
    })
    sessions-lost = merge(local.voice_metric, {
      description = "Sessions with Nova Sonic break and are replaced."
      metric      = "SessionsLost", statistic = "Sum", threshold = 5, minutes = 2, of = 5
    })
    call-errors = merge(local.voice_metric, {
      description = "Calls end because of a failure."
      metric      = "CallErrors", statistic = "Sum", threshold = 2, minutes = 2, of = 5
    })
    tools-slow = merge(local.voice_metric, {
      description = "Look-ups and bookings take long: customers wait."
      metric      = "ToolLatency", statistic = "p95", threshold = 2000, minutes = 3, of = 5
    })
    dynamodb-failures = merge(local.voice_metric, {
      description = "DynamoDB does not answer, throttles or refuses."
      metric      = "DynamoDBFailures", statistic = "Sum", threshold = 5, minutes = 2, of = 5
    })
    voice-silent = merge(local.voice_metric, {
      description = "No voice task reports: none runs, or its logs do not arrive."
      metric      = "ActiveCalls", statistic = "SampleCount", threshold = 1, minutes = 3, of = 3
      comparison  = "LessThanThreshold", missing = "breaching"
    })
    voice-unhealthy = {
      description = "Voice tasks fail their readiness check."
      namespace   = "AWS/ApplicationELB", dimensions = local.voice_group
      metric      = "UnHealthyHostCount", statistic = "Maximum", threshold = 0, minutes = 5, of = 5
    }
    site-unhealthy = {
      description = "No site task is healthy."
      namespace   = "AWS/ApplicationELB", dimensions = local.site_group
      metric      = "HealthyHostCount", statistic = "Minimum", threshold = 1, minutes = 3, of = 5
      comparison  = "LessThanThreshold"
    }
    site-errors = {
      description = "The site answers with errors of its own."
      namespace   = "AWS/ApplicationELB", dimensions = local.site_group
      metric      = "HTTPCode_Target_5XX_Count", statistic = "Sum", threshold = 5, minutes = 2, of = 5
    }
    login-failures = merge(local.site_metric, {
      description = "Somebody guesses passwords of the staff."
      metric      = "LoginFailures", statistic = "Sum", threshold = 5, minutes = 3, of = 10
    })
    emails-not-sent = {
      description = "E-mails to patients failed for good, or may have been sent or not."
      namespace   = local.metrics_namespace, dimensions = {}
      metric      = "EmailsNotSent", statistic = "Sum", threshold = 0, minutes = 1, of = 1
    }
    mail-worker = {
      description = "The worker of e-mails and webhooks does not run, or can't do its work."
      namespace   = local.metrics_namespace, dimensions = {}
      metric      = "MailWorkerPasses", statistic = "Sum", threshold = 1, minutes = 10, of = 10
      comparison  = "LessThanThreshold", missing = local.has_mail_worker ? "breaching" : "notBreaching"
    }
    webhooks-failed = {
      description = "Events were not delivered to a webhook after all attempts, or a webhook was disabled."
      namespace   = local.metrics_namespace, dimensions = {}
      metric      = "WebhooksFailed", statistic = "Sum", threshold = 0, minutes = 1, of = 1
    }
    voice-cpu = {
      description = "Voice tasks use much of their CPU: audio gets late before anything else shows."
      namespace   = "AWS/ECS", dimensions = local.voice_tasks
      metric      = "CPUUtilization", statistic = "Maximum", threshold = 75, minutes = 3, of = 5
    }
    api-errors = {
      description = "The REST API answers with errors of its own."
      namespace   = "AWS/ApiGateway", dimensions = { ApiName = aws_api_gateway_rest_api.this.name, Stage = local.api_stage }
      metric      = "5XXError", statistic = "Sum", threshold = 5, minutes = 2, of = 5
    }
    lambda-errors = {
      description = "The REST function fails, or ran out of time or memory."
      namespace   = "AWS/Lambda", dimensions = { FunctionName = aws_lambda_function.api.function_name }
      metric      = "Errors", statistic = "Sum", threshold = 2, minutes = 2, of = 5
    }
    lambda-throttled = {
      description = "More REST requests than lambda_reserved_concurrency."
      namespace   = "AWS/Lambda", dimensions = { FunctionName = aws_lambda_function.api.function_name }
      metric      = "Throttles", statistic = "Sum", threshold = 5, minutes = 2, of = 5
    }
    database-connections = {
      description = "The site's database has many connections open."
      namespace   = "AWS/RDS", dimensions = { DBClusterIdentifier = aws_rds_cluster.this.cluster_identifier }
      metric      = "DatabaseConnections", statistic = "Maximum", threshold = 80, minutes = 3, of = 5
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description} docs/runbook.md#${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = lookup(each.value, "comparison", "GreaterThanThreshold")
  threshold           = each.value.threshold
  period              = 60
  datapoints_to_alarm = each.value.minutes
  evaluation_periods  = each.value.of
  treat_missing_data  = lookup(each.value, "missing", "notBreaching")
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

locals {
  # For each table, the metrics of its alarm by their ids. An alarm has ten at most, so of the indexes it has the writes
  # only: an index that is throttled slows the writes of its table.
  throttled = { for name, table in aws_dynamodb_table.this : name => merge(
    {
      reads  = { metric = "ReadThrottleEvents", dimensions = { TableName = table.name } }
      writes = { metric = "WriteThrottleEvents", dimensions = { TableName = table.name } }
    },
    { for index in keys(local.tables[name]) : "writes_${lower(index)}" => {
      metric     = "WriteThrottleEvents"
      dimensions = { TableName = table.name, GlobalSecondaryIndexName = index }
    } },
  ) }
}

resource "aws_cloudwatch_metric_alarm" "dynamodb_throttled" {
  for_each = aws_dynamodb_table.this

  alarm_name          = "${local.name}-dynamodb-throttled-${each.key}"
  alarm_description   = "DynamoDB throttles requests to ${each.value.name}. docs/runbook.md#dynamodb-throttled"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  datapoints_to_alarm = 2
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id = "throttled"
    # DynamoDB reports nothing where nothing is throttled, and a sum with a missing part is missing.
    expression  = join(" + ", [for id in keys(local.throttled[each.key]) : "FILL(${id}, 0)"])
    label       = "Throttled requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.throttled[each.key]

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

# docs/runbook.md#monthly-budget
resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = var.monthly_budget_usd

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Project$%s", var.project_name)]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      notification_type         = notification.key
      subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
    }
  }
}

#### Dashboard: rows of three, top to bottom: what customers notice, what it comes from, what carries it

locals {
  # Title, unit and lines ([metric, statistic, label]) of the application's widgets.
  call_widgets = [
    { title = "Calls", lines = [["ActiveCalls", "Sum", "active"], ["CallsStarted", "Sum", "started"], ["CallsRefused", "Sum", "refused"], ["SilentCallsEnded", "Sum", "silent, ended"]] },
    { title = "First audio after the customer's turn (ms)", lines = [["FirstAudio", "p50", "p50"], ["FirstAudio", "p95", "p95"], ["FirstAudio", "p99", "p99"]] },
    { title = "Latency as heard by the customer (ms)", lines = [["HeardLatency", "p50", "p50"], ["HeardLatency", "p95", "p95"], ["HeardLatency", "p99", "p99"]] },
    { title = "Tool calls (ms)", lines = [["ToolLatency", "p50", "p50"], ["ToolLatency", "p95", "p95"], ["ToolLatency", "p99", "p99"]] },
    { title = "Sessions with Nova Sonic", lines = [["SessionRotations", "Sum", "rotated"], ["SessionsLost", "Sum", "lost"], ["SessionQuotaUsed", "Maximum", "% of quota"], ["ModelBudgetUsed", "Maximum", "% of budget"]] },
    { title = "Interruptions and errors", lines = [["Interruptions", "Sum", "interruptions"], ["CallErrors", "Sum", "errors"], ["DynamoDBFailures", "Sum", "DynamoDB"]] },
    { title = "Cost per call (US$)", lines = [["CallCost", "Average", "mean"], ["CallCost", "p95", "p95"]] },
    { title = "Cost of the model (US$)", lines = [["CallCost", "Sum", "sum"]] },
  ]

  application_widgets = [for widget in local.call_widgets : {
    title   = widget.title
    metrics = [for line in widget.lines : [local.metrics_namespace, line[0], "Service", "voice", { stat = line[1], label = line[2] }]]
  }]

  logins = {
    title   = "Wrong or refused passwords"
    metrics = [[local.metrics_namespace, "LoginFailures", "Service", "site", { stat = "Sum", label = "failures" }]]
  }

  emails = {
    title = "E-mails that failed or may have failed, and the worker's passes"
    metrics = [
      [local.metrics_namespace, "EmailsNotSent", { stat = "Sum", label = "not sent" }],
      [local.metrics_namespace, "MailWorkerPasses", { stat = "Sum", label = "passes", yAxis = "right" }],
    ]
  }

  webhooks = {
    title   = "Webhooks that were not delivered"
    metrics = [[local.metrics_namespace, "WebhooksFailed", { stat = "Sum", label = "not delivered" }]]
  }

  errors_by_kind = {
    title   = "Errors by kind"
    metrics = [[{ expression = "SEARCH('{${local.metrics_namespace},Service,Kind} MetricName=\"CallErrors\"', 'Sum', 60)", label = "" }]]
  }

  aws_widgets = [
    {
      title = "DynamoDB: throttled requests"
      metrics = concat(
        [for pair in setproduct([for table in aws_dynamodb_table.this : table.name], ["ReadThrottleEvents", "WriteThrottleEvents"]) : ["AWS/DynamoDB", pair[1], "TableName", pair[0], { stat = "Sum" }]],
        # CloudWatch counts those of the indexes apart from their table's.
        [for table in aws_dynamodb_table.this : [{ expression = "SEARCH('{AWS/DynamoDB,TableName,GlobalSecondaryIndexName} TableName=\"${table.name}\" MetricName=(\"ReadThrottleEvents\" OR \"WriteThrottleEvents\")', 'Sum', 60)", label = "" }]],
      )
    },
    {
      title   = "DynamoDB: consumed capacity"
      metrics = [for pair in setproduct([for table in aws_dynamodb_table.this : table.name], ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"]) : ["AWS/DynamoDB", pair[1], "TableName", pair[0], { stat = "Sum" }]]
    },
    {
      title = "Voice tasks: CPU and memory (%)"
      metrics = [for metric in ["CPUUtilization", "MemoryUtilization"] :
        ["AWS/ECS", metric, "ClusterName", aws_ecs_cluster.this.name, "ServiceName", "voice", { stat = "Maximum" }]
      ]
    },
    {
      title = "REST API"
      metrics = [for metric in ["Count", "4XXError", "5XXError"] :
        ["AWS/ApiGateway", metric, "ApiName", aws_api_gateway_rest_api.this.name, "Stage", local.api_stage, { stat = "Sum" }]
      ]
    },
    {
      title = "REST API: duration (ms)"
      metrics = [for stat in ["p50", "p95", "p99"] :
        ["AWS/Lambda", "Duration", "FunctionName", aws_lambda_function.api.function_name, { stat = stat, label = stat }]
      ]
    },
    {
      title = "Site: errors and time"
      metrics = [
        ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "TargetGroup", aws_lb_target_group.site.arn_suffix, "LoadBalancer", aws_lb.this.arn_suffix, { stat = "Sum" }],
        ["AWS/ApplicationELB", "TargetResponseTime", "TargetGroup", aws_lb_target_group.site.arn_suffix, "LoadBalancer", aws_lb.this.arn_suffix, { stat = "p95", yAxis = "right" }],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = [for index, widget in concat(local.application_widgets, [local.errors_by_kind], local.aws_widgets, [local.logins, local.emails, local.webhooks]) : {
      type   = "metric"
      x      = 8 * (index % 3)
      y      = 6 * floor(index / 3)
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        region  = var.aws_region
        view    = "timeSeries"
        period  = 60
        metrics = widget.metrics
      }
    }]
  })
}

#### Saved queries

locals {
  queries = {
    "one call" = {
      groups = ["voice"]
      query  = "fields @timestamp, level, event, reason, code\n| filter call_id = \"put the call's id here\"\n| sort @timestamp asc"
    }
    "errors by event" = {
      groups = ["voice", "site", "api"]
      query  = "filter level in [\"error\", \"critical\"]\n| stats count(*) as times, latest(@timestamp) as last by event\n| sort times desc"
    }
    "lost sessions by reason" = {
      groups = ["voice"]
      query  = "filter event = \"session lost\"\n| stats count(*) as times by code, bin(5m)"
    }
    "slow turns" = {
      groups = ["voice"]
      query  = "filter ispresent(FirstAudio) and FirstAudio > 1500\n| fields @timestamp, call_id, FirstAudio, hearing_ms, model_ms, tools_ms, server_ms\n| sort FirstAudio desc\n| limit 50"
    }
    "slow REST requests" = {
      groups = ["api_access"]
      query  = "filter latencyMs > 1000\n| fields @timestamp, method, path, status, latencyMs, requestId\n| sort latencyMs desc\n| limit 50"
    }
    "login failures by account" = {
      groups = ["site"]
      query  = "filter event in [\"login failed\", \"login refused\"]\n| stats count(*) as times, count_distinct(address) as addresses by account, bin(5m)\n| sort times desc"
    }
    "refused calls by reason" = {
      groups = ["voice"]
      query  = "filter event = \"call refused\"\n| stats count(*) as times by code, bin(5m)"
    }
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${local.name}/${each.key}"
  log_group_names = [for group in each.value.groups : aws_cloudwatch_log_group.this[group].name]
  query_string    = each.value.query
}
