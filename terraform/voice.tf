# The voice service: WebSockets, calls, sessions with Nova Sonic.

resource "aws_ecs_task_definition" "voice" {
  family                   = "${local.name}-voice"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.voice.cpu
  memory                   = var.voice.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.voice.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.container, {
    name             = "voice"
    command          = ["python", "manage.py", "serve", "--only", "voice"]
    stopTimeout      = 120 # Fargate's longest; DRAIN_S is below it
    logConfiguration = local.logs["voice"]
    environment = [for name, value in merge(local.container_environment, {
      CALLS_MAX               = tostring(var.voice.calls_per_task)
      NOVA_SONIC_MAX_SESSIONS = tostring(var.voice.calls_per_task + 2) # two for calls that change their session
      DRAIN_S                 = "90"
    }) : { name = name, value = value }]
    secrets = [for name, arn in local.container_secrets : { name = name, valueFrom = arn }]
  })])
}

resource "aws_ecs_service" "voice" {
  name                               = "voice"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.voice.arn
  desired_count                      = var.voice.tasks_min
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  propagate_tags                     = "SERVICE"
  enable_ecs_managed_tags            = true
  health_check_grace_period_seconds  = 60
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  network_configuration {
    subnets          = aws_subnet.private[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.voice.arn
    container_name   = "voice"
    container_port   = local.container_port
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    ignore_changes = [desired_count] # scaling sets it
  }

  depends_on = [aws_lb_listener_rule.websocket, aws_iam_role_policy.voice, aws_iam_role_policy.execution]
}

#### Scaling on calls: CPU follows them too late, and memory not at all

resource "aws_appautoscaling_target" "voice" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.voice.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.voice.tasks_min
  max_capacity       = var.voice.tasks_max
}

resource "aws_appautoscaling_policy" "voice" {
  name               = "${local.name}-voice-calls"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.voice.service_namespace
  resource_id        = aws_appautoscaling_target.voice.resource_id
  scalable_dimension = aws_appautoscaling_target.voice.scalable_dimension

  target_tracking_scaling_policy_configuration {
    # A task that is full answers "busy": scale before it is.
    target_value       = floor(var.voice.calls_per_task * 0.6)
    scale_out_cooldown = 30
    scale_in_cooldown  = 600

    # Each task reports its calls once a minute, so the average is calls per task.
    customized_metric_specification {
      namespace   = local.metrics_namespace
      metric_name = "ActiveCalls"
      statistic   = "Average"

      dimensions {
        name  = "Service"
        value = "voice"
      }
    }
  }
}
