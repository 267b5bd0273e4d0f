output "region" {
  description = "Region of the deployment."
  value       = var.aws_region
}

output "site_url" {
  description = "Site, staff admin (/admin/) and the page on which customers call."
  value       = "https://${var.domain_name}/"
}

output "websocket_url" {
  description = "WebSocket of calls."
  value       = "wss://${var.domain_name}/ws"
}

output "api_gateway_url" {
  description = "REST API (Lambda)."
  value       = aws_api_gateway_stage.this.invoke_url
}

output "load_balancer_dns_name" {
  description = "What the record of `domain_name` points to, where Route 53 does not hold it."
  value       = aws_lb.this.dns_name
}

output "image_repository_url" {
  description = "Where the image is pushed."
  value       = aws_ecr_repository.this.repository_url
}

output "tables" {
  description = "Names of the DynamoDB tables."
  value       = { for name, table in aws_dynamodb_table.this : name => table.name }
}

output "secrets" {
  description = "ARNs of the secrets that scripts/set-secrets gives values."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "cluster" {
  description = "ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "migration" {
  description = "What scripts/site-command and scripts/migrate-site need to run the one-off task."
  value = {
    task_definition = aws_ecs_task_definition.migrate.arn
    subnets         = aws_subnet.private[*].id
    security_groups = [aws_security_group.tasks.id]
    log_group       = aws_cloudwatch_log_group.this["migrate"].name
  }
}

output "dashboard_url" {
  description = "CloudWatch dashboard."
  value       = "https://${var.aws_region}.console.aws.amazon.com/cloudwatch/home?region=${var.aws_region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "alarm_topic_arn" {
  description = "SNS topic of the alarms."
  value       = aws_sns_topic.alarms.arn
}
