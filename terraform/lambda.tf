# REST API: the Django project's API as one function, without admin, Channels and the voice SDK.

resource "aws_lambda_function" "api" {
  function_name                  = "${local.name}-api"
  description                    = "REST API of orders and appointments"
  role                           = aws_iam_role.api.arn
  filename                       = var.lambda_package
  source_code_hash               = filebase64sha256(var.lambda_package)
  handler                        = "novasonic.lambda_handler.handler"
  runtime                        = "python3.13"
  architectures                  = ["arm64"]
  timeout                        = var.lambda_timeout
  memory_size                    = var.lambda_memory_size
  reserved_concurrent_executions = var.lambda_reserved_concurrency
  kms_key_arn                    = aws_kms_key.this.arn

  environment {
    # AWS_DEFAULT_REGION is Lambda's own: it refuses a function that sets it.
    variables = merge(local.environment, var.environment, {
      ALLOWED_HOSTS  = "${aws_api_gateway_rest_api.this.id}.execute-api.${var.aws_region}.amazonaws.com"
      SCRIPT_NAME    = "/${local.api_stage}"
      SECRETS_PREFIX = local.name
    })
  }

  logging_config {
    log_format = "Text" # the application writes JSON lines itself
    log_group  = aws_cloudwatch_log_group.this["api"].name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.api]
}

resource "aws_lambda_permission" "api_gateway" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.api.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/*"
}
