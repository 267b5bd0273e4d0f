# Terraform makes the secrets, not their values: scripts/set-secrets writes random ones where there is none,
# so that no value stands in a variable, a plan or the state.

locals {
  secrets = {
    django-secret-key = "Signs sessions, tickets and paging cursors, and encrypts what calls are restored from."
    api-jwt-secret    = "Signs the REST API's own bearer tokens."
    metrics-token     = "Bearer token of /metrics."
  }
}

resource "aws_secretsmanager_secret" "this" {
  for_each = local.secrets

  name                    = "${local.name}/${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.force_destroy ? 0 : 30
}

# The database's password comes in by an ephemeral variable and goes to Secrets Manager and Aurora only: both
# arguments are write-only, so that it stands in no plan and no state. Later applies do without it: a write-only
# argument is sent again only when its version is raised. Where a password is missing that is to be sent, Aurora
# refuses the short one that takes its place, and the secret, which comes after it, stays as it is.

locals {
  no_password = "none"
}

resource "aws_secretsmanager_secret" "database" {
  name                    = "${local.name}/database-url"
  description             = "DATABASE_URL of the site."
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.force_destroy ? 0 : 30
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id                = aws_secretsmanager_secret.database.id
  secret_string_wo         = "postgres://${aws_rds_cluster.this.master_username}:${coalesce(var.database_password, local.no_password)}@${aws_rds_cluster.this.endpoint}:5432/${aws_rds_cluster.this.database_name}?sslmode=require"
  secret_string_wo_version = var.database.password_version
}
