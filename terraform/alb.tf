# One load balancer for voice and site. A WebSocket stays on its target for its life, so stickiness is not
# needed: a client that comes back resumes its call on whichever task it reaches.

resource "aws_lb" "this" {
  name                       = local.short_name
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.alb.id]
  subnets                    = aws_subnet.public[*].id
  idle_timeout               = 120 # clients and server ping every 20 s
  drop_invalid_header_fields = true
  enable_deletion_protection = !var.force_destroy

  access_logs {
    bucket  = aws_s3_bucket.logs.id
    prefix  = "alb"
    enabled = true
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_lb_target_group" "voice" {
  name        = "${local.short_name}-v"
  vpc_id      = aws_vpc.this.id
  port        = local.container_port
  protocol    = "HTTP"
  target_type = "ip"

  # ECS takes a task out of here before it sends SIGTERM; the task notices within 15 s and hands its calls over
  # within DRAIN_S (novasonic/ecs.py). What is still connected after the delay is cut, and resumes elsewhere.
  deregistration_delay = 300

  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path                = "/ready" # false while the task drains
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }
}

resource "aws_lb_target_group" "site" {
  name                 = "${local.short_name}-s"
  vpc_id               = aws_vpc.this.id
  port                 = local.container_port
  protocol             = "HTTP"
  target_type          = "ip"
  deregistration_delay = 30

  health_check {
    path                = "/ready"
    interval            = 15
    timeout             = 10
    healthy_threshold   = 2
    unhealthy_threshold = 3
    matcher             = "200"
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.site.arn
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

# Calls: the WebSocket (at /ws, and at / for the earlier system's clients), and the tickets for it.
resource "aws_lb_listener_rule" "websocket" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.voice.arn
  }

  condition {
    http_header {
      http_header_name = "Upgrade"
      values           = ["websocket"]
    }
  }
}

resource "aws_lb_listener_rule" "tickets" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 20

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.voice.arn
  }

  condition {
    path_pattern {
      values = ["/voice/*"]
    }
  }
}

# Metrics are for scrapers inside the VPC.
resource "aws_lb_listener_rule" "metrics" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 5

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }

  condition {
    path_pattern {
      values = ["/metrics", "/metrics/"] # the server serves both
    }
  }
}

resource "aws_route53_record" "this" {
  count = var.route53_zone_id == null ? 0 : 1

  zone_id = var.route53_zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
