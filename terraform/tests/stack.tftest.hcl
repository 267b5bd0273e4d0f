# The whole stack with a mocked provider: names, validation of variables, and what must fit together.
#
#   terraform test

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  # The provider refuses computed strings that are no ARNs.
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:111122223333:log-group:mock" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:111122223333:mock" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:mock" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/mock/0000000000000000" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/mock/0000000000000000" }
  }

  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/mock/0000000000000000/0000000000000000" }
  }

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/mock/00000000-0000-0000-0000-000000000000" }
  }

  mock_resource "aws_api_gateway_rest_api" {
    defaults = { execution_arn = "arn:aws:execute-api:us-east-1:111122223333:mock" }
  }

  mock_resource "aws_api_gateway_stage" {
    defaults = { arn = "arn:aws:apigateway:us-east-1::/restapis/mock/stages/demo" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn        = "arn:aws:lambda:us-east-1:111122223333:function:mock"
      invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:111122223333:function:mock/invocations"
    }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:us-east-1:111122223333:cluster/mock" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/mock:1" }
  }

  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:111122223333:table/mock" }
  }
}

variables {
  database_password = "0123456789abcdef0123456789abcdef"

  domain_name     = "voz.example.com"
  certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/00000000-0000-0000-0000-000000000000"
  image_tag       = "1.0.0"
  lambda_package  = "./versions.tf" # any file: nothing is uploaded
}

run "names" {
  assert {
    condition     = aws_lambda_function.api.function_name == "nova-sonic-server-app-demo-api"
    error_message = "The function has the name of the owner's document."
  }

  assert {
    condition     = [for name in ["orders", "appointments", "calls"] : aws_dynamodb_table.this[name].name] == ["nova-sonic-server-app-demo-orders", "nova-sonic-server-app-demo-appointments", "nova-sonic-server-app-demo-calls"]
    error_message = "The tables have the names of the owner's document."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this["api"].name == "/aws/lambda/nova-sonic-server-app-demo-api"
    error_message = "The function's log group has Lambda's name for it."
  }
}

run "long_names_fit_the_load_balancer" {
  variables {
    project_name = "a-shop-with-a-longer-name"
    stage        = "staging"
  }

  assert {
    condition     = aws_lb.this.name == "a-shop-with-a-longer-name-stag" && aws_lb_target_group.voice.name == "a-shop-with-a-longer-name-stag-v" && aws_lb_target_group.site.name == "a-shop-with-a-longer-name-stag-s"
    error_message = "Names are cut to 32 characters and stay different."
  }
}

run "tables" {
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled && table.deletion_protection_enabled && table.ttl[0].enabled])
    error_message = "Tables can be restored, are protected from deletion, and expire items."
  }
}

run "containers_fit_services" {
  assert {
    condition     = one(aws_ecs_service.voice.load_balancer).container_name == jsondecode(aws_ecs_task_definition.voice.container_definitions)[0].name
    error_message = "The voice service names a container of its task."
  }

  assert {
    condition     = one(aws_ecs_service.site.load_balancer).container_name == jsondecode(aws_ecs_task_definition.site.container_definitions)[0].name
    error_message = "The site service names a container of its task."
  }

  assert {
    condition = alltrue(flatten([for task in [aws_ecs_task_definition.voice, aws_ecs_task_definition.site, aws_ecs_task_definition.migrate] : [
      for container in jsondecode(task.container_definitions) : container.readonlyRootFilesystem && container.user == "10001"
    ]]))
    error_message = "No container may write its root file system or run as root."
  }
}

run "drain_fits_stop_timeout" {
  assert {
    condition = alltrue([for container in jsondecode(aws_ecs_task_definition.voice.container_definitions) :
      container.stopTimeout > tonumber(one([for each in container.environment : each.value if each.name == "DRAIN_S"]))
    ])
    error_message = "A task has time to hand over its calls before it is killed."
  }

  assert {
    condition = alltrue([for container in jsondecode(aws_ecs_task_definition.voice.container_definitions) :
      tonumber(aws_lb_target_group.voice.deregistration_delay) >= 15 + tonumber(one([for each in container.environment : each.value if each.name == "DRAIN_S"]))
    ])
    error_message = "A task notices that it is to stop, and hands over its calls, before the load balancer cuts them."
  }
}

run "voice_may_use_its_model_in_each_region" {
  variables {
    nova_sonic_regions = ["us-east-1", "eu-north-1"]
  }

  assert {
    condition = local.sonic_arns == [
      "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-5-sonic",
      "arn:aws:bedrock:eu-north-1::foundation-model/amazon.nova-2-5-sonic",
    ]
    error_message = "The voice role may use the model in each Region, and no other model."
  }
}

run "endpoints_need_no_nat" {
  variables {
    egress = "endpoints"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && contains(keys(aws_vpc_endpoint.interface), "bedrock-runtime")
    error_message = "With endpoints there is no NAT gateway, and Bedrock has an endpoint."
  }
}

run "endpoints_refuse_other_regions" {
  command = plan

  variables {
    egress             = "endpoints"
    nova_sonic_regions = ["us-east-1", "us-west-2"]
  }

  expect_failures = [aws_vpc_endpoint.interface]
}

run "database_pauses_only_at_zero" {
  variables {
    database = { capacity_min = 0.5 }
  }

  assert {
    condition     = local.database_pause_after_s == null
    error_message = "A database with a minimum does not pause."
  }
}

run "refuses_plain_http_origins" {
  command = plan

  variables {
    allowed_origins = ["http://www.example.com"]
  }

  expect_failures = [var.allowed_origins]
}

run "refuses_a_wildcard_origin" {
  command = plan

  variables {
    allowed_origins = ["https://*.example.com"]
  }

  expect_failures = [var.allowed_origins]
}

run "refuses_provisioned_tables" {
  command = plan

  variables {
    dynamodb_billing_mode = "PROVISIONED"
  }

  expect_failures = [var.dynamodb_billing_mode]
}

run "refuses_too_little_memory" {
  command = plan

  variables {
    lambda_memory_size = 128
  }

  expect_failures = [var.lambda_memory_size]
}

run "refuses_another_model" {
  command = plan

  variables {
    nova_sonic_model_id = "amazon.nova-pro-v1:0"
  }

  expect_failures = [var.nova_sonic_model_id]
}

run "refuses_a_region_without_the_model" {
  command = plan

  variables {
    nova_sonic_regions = ["us-east-1", "sa-east-1"]
  }

  expect_failures = [var.nova_sonic_regions]
}

run "earlier_model_is_checked_by_its_id_only" {
  command = plan

  variables {
    nova_sonic_model_id = "amazon.nova-2-sonic-v1:0"
    nova_sonic_regions  = ["us-east-1", "eu-west-1"]
  }

  assert {
    condition     = local.sonic_arns[1] == "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-2-sonic-v1:0"
    error_message = "Nova 2 Sonic can be used in its place, in any Region."
  }
}

run "refuses_a_small_network" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "refuses_stage_names_that_do_not_fit" {
  command = plan

  variables {
    stage = "Production_1"
  }

  expect_failures = [var.stage]
}

run "budget_counts_the_costs_of_the_project" {
  variables {
    monthly_budget_usd = 400
  }

  assert {
    condition     = one(one(aws_budgets_budget.this).cost_filter).values == tolist(["user:Project$nova-sonic-server-app"])
    error_message = "The budget counts what carries the project's tag: TAG$VALUE."
  }
}

run "throttling_alarms_have_ten_metrics_at_most" {
  assert {
    condition     = alltrue([for metrics in local.throttled : length(metrics) > 2 && length(metrics) <= 10])
    error_message = "CloudWatch allows ten metrics in the expression of an alarm: the table's, and its indexes'."
  }

  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.dynamodb_throttled :
      alltrue([for query in alarm.metric_query : query.id == "throttled" || strcontains(one([for each in alarm.metric_query : each.expression if each.id == "throttled"]), "FILL(${query.id}, 0)")])
    ])
    error_message = "Each metric counts, also where others have no data."
  }
}

run "alarms_and_dashboard_agree" {
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : (alarm.statistic == null) != (alarm.extended_statistic == null)])
    error_message = "An alarm has a statistic or a percentile."
  }

  assert {
    condition = alltrue([for name, alarm in local.alarms :
      alarm.namespace != local.metrics_namespace || strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "\"${alarm.metric}\"")
    ])
    error_message = "What sends an alarm stands on the dashboard."
  }
}
