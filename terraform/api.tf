# API Gateway before the REST function. Django routes; API Gateway throttles, logs, and answers CORS where
# no request reaches Django: preflights, and its own errors.

locals {
  api_stage = coalesce(var.api_gateway_stage_name, var.stage)

  # One origin may stand in the header. With several, Django chooses; its own errors name the first.
  cors_origin  = length(var.allowed_origins) > 0 ? var.allowed_origins[0] : "https://${var.domain_name}"
  cors_methods = "GET,POST,PUT,PATCH,DELETE,OPTIONS"
  cors_headers = "Authorization,Content-Type,If-Match,If-None-Match,Idempotency-Key,Accept,Accept-Language,X-Amz-Date,X-Api-Key,X-Amz-Security-Token"
}

resource "aws_api_gateway_rest_api" "this" {
  name        = "${local.name}-api"
  description = "Orders and appointments"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "proxy" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = "{proxy+}"
}

# Django asks for a session or a bearer token itself.
resource "aws_api_gateway_method" "any" {
  rest_api_id   = aws_api_gateway_rest_api.this.id
  resource_id   = aws_api_gateway_resource.proxy.id
  http_method   = "ANY"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "any" {
  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = aws_api_gateway_resource.proxy.id
  http_method             = aws_api_gateway_method.any.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.api.invoke_arn
  timeout_milliseconds    = min(var.lambda_timeout, 29) * 1000
}

#### CORS

# Preflights reach Django too: it answers for several origins, which API Gateway cannot.
resource "aws_api_gateway_gateway_response" "cors" {
  for_each = toset(["DEFAULT_4XX", "DEFAULT_5XX"])

  rest_api_id   = aws_api_gateway_rest_api.this.id
  response_type = each.key

  response_parameters = {
    "gatewayresponse.header.Access-Control-Allow-Origin"      = "'${local.cors_origin}'"
    "gatewayresponse.header.Access-Control-Allow-Credentials" = "'true'"
    "gatewayresponse.header.Access-Control-Allow-Methods"     = "'${local.cors_methods}'"
    "gatewayresponse.header.Access-Control-Allow-Headers"     = "'${local.cors_headers}'"
    "gatewayresponse.header.Vary"                             = "'Origin'"
  }

  # The envelope of docs/api.md.
  response_templates = {
    "application/json" = jsonencode({
      success = false
      error   = { code = "$context.error.responseType", message = "$context.error.message", details = {} }
    })
  }
}

#### Deployment

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  triggers = {
    redeployment = sha1(jsonencode([
      aws_api_gateway_resource.proxy, aws_api_gateway_method.any, aws_api_gateway_integration.any,
      aws_api_gateway_gateway_response.cors,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "this" {
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = local.api_stage
  xray_tracing_enabled = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this["api_access"].arn

    # Paths without the query: it may hold an e-mail address.
    format = jsonencode({
      requestId = "$context.requestId", ip = "$context.identity.sourceIp", method = "$context.httpMethod",
      path      = "$context.path", status = "$context.status", latencyMs = "$context.responseLatency",
      bytes     = "$context.responseLength", error = "$context.error.responseType",
    })
  }

  depends_on = [aws_api_gateway_account.this]
}

resource "aws_api_gateway_method_settings" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    data_trace_enabled     = false # it would log bodies
    throttling_rate_limit  = var.api_throttle.rate
    throttling_burst_limit = var.api_throttle.burst
    caching_enabled        = false
  }
}

# One of these per account and Region.
resource "aws_api_gateway_account" "this" {
  cloudwatch_role_arn = aws_iam_role.api_gateway.arn

  depends_on = [aws_iam_role_policy_attachment.api_gateway]
}
