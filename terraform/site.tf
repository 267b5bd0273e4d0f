# The site service: staff admin, browsable API, the page on which customers call.

locals {
  site_secrets = merge(local.container_secrets, { DATABASE_URL = aws_secretsmanager_secret.database.arn })
}

resource "aws_ecs_task_definition" "site" {
  family                   = "${local.name}-site"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.site.cpu
  memory                   = var.site.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.site.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.container, {
    name             = "site"
    command          = ["python", "manage.py", "serve", "--only", "site"]
    stopTimeout      = 40
    logConfiguration = local.logs["site"]
    environment      = [for name, value in local.container_environment : { name = name, value = value }]
    secrets          = [for name, arn in local.site_secrets : { name = name, valueFrom = arn }]
  })])

  depends_on = [aws_secretsmanager_secret_version.database]
}

resource "aws_ecs_service" "site" {
  name                               = "site"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.site.arn
  desired_count                      = var.site.tasks_min
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  propagate_tags                     = "SERVICE"
  enable_ecs_managed_tags            = true
  health_check_grace_period_seconds  = 120 # a paused database takes some 15 s to wake
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  network_configuration {
    subnets          = aws_subnet.private[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.site.arn
    container_name   = "site"
    container_port   = local.container_port
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.site, aws_iam_role_policy.execution]
}

resource "aws_appautoscaling_target" "site" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.site.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.site.tasks_min
  max_capacity       = var.site.tasks_max
}

resource "aws_appautoscaling_policy" "site" {
  name               = "${local.name}-site-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.site.service_namespace
  resource_id        = aws_appautoscaling_target.site.resource_id
  scalable_dimension = aws_appautoscaling_target.site.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

#### One-off: `scripts/migrate-site` runs this task and waits for its end

resource "aws_ecs_task_definition" "migrate" {
  family                   = "${local.name}-migrate"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.site.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge({ for key, value in local.container : key => value if !contains(["healthCheck", "portMappings"], key) }, {
    name             = "migrate"
    command          = ["python", "manage.py", "migrate", "--no-input"]
    logConfiguration = local.logs["migrate"]
    environment      = [for name, value in local.container_environment : { name = name, value = value }]
    secrets          = [for name, arn in local.site_secrets : { name = name, valueFrom = arn }]
  })])

  depends_on = [aws_secretsmanager_secret_version.database]
}
