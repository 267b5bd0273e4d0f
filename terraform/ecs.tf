# Cluster, image repository, and what the task definitions of voice, site and migrations share.

resource "aws_ecr_repository" "this" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.this.arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 20 images"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

locals {
  container_port = 8081
  image          = "${aws_ecr_repository.this.repository_url}:${var.image_tag}"

  # What every container has. The root file system is read-only; /tmp is a volume of the task.
  container = {
    image                  = local.image
    essential              = true
    user                   = "10001"
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"], add = [] } }
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    portMappings           = [{ name = "http", containerPort = local.container_port, hostPort = local.container_port, protocol = "tcp" }]
    healthCheck = {
      command     = ["CMD", "python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:${local.container_port}/health', timeout=4)"]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
  }

  container_environment = merge(local.environment, {
    AWS_DEFAULT_REGION       = var.aws_region
    CALLS_TABLE              = aws_dynamodb_table.this["calls"].name
    ALLOWED_HOSTS            = var.domain_name
    WS_ALLOWED_ORIGINS       = join(",", var.allowed_origins)
    HOST                     = "0.0.0.0"
    WS_PORT                  = tostring(local.container_port)
    PROXIES                  = "1" # the load balancer
    NOVA_SONIC_MODEL_ID      = var.nova_sonic_model_id
    NOVA_SONIC_REGIONS       = join(",", local.sonic_regions)
    NOVA_SONIC_SESSION_QUOTA = tostring(var.nova_sonic_session_quota)
  }, var.environment)

  container_secrets = {
    DJANGO_SECRET_KEY = aws_secretsmanager_secret.this["django-secret-key"].arn
    API_JWT_SECRET    = aws_secretsmanager_secret.this["api-jwt-secret"].arn
    METRICS_TOKEN     = aws_secretsmanager_secret.this["metrics-token"].arn
  }

  logs = {
    for name in ["voice", "site", "migrate", "mail"] : name => {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this[name].name
        awslogs-region        = var.aws_region
        awslogs-stream-prefix = name
        mode                  = "non-blocking" # a slow log must not stop audio
        max-buffer-size       = "8m"
      }
    }
  }
}
