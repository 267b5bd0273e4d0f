# Aurora PostgreSQL Serverless v2 for what Django keeps in SQL: users, groups, sessions, the admin's log.
# Orders, appointments and calls are in DynamoDB; voice and REST work while this database is down.

locals {
  # Only a database that may go down to 0 pauses; AWS refuses the argument otherwise.
  database_pause_after_s = var.database.capacity_min == 0 ? var.database.pause_after_s : null
}

resource "aws_db_subnet_group" "this" {
  name       = local.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_rds_cluster_parameter_group" "this" {
  name   = local.name
  family = "aurora-postgresql16"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
}

resource "aws_rds_cluster" "this" {
  cluster_identifier              = local.name
  engine                          = "aurora-postgresql"
  engine_mode                     = "provisioned"
  engine_version                  = "16.6"
  database_name                   = "site"
  master_username                 = "site"
  master_password_wo              = coalesce(var.database_password, local.no_password)
  master_password_wo_version      = var.database.password_version
  db_subnet_group_name            = aws_db_subnet_group.this.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.this.name
  vpc_security_group_ids          = [aws_security_group.database.id]
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.this.arn
  backup_retention_period         = var.database.backup_retention_days
  copy_tags_to_snapshot           = true
  deletion_protection             = !var.force_destroy
  skip_final_snapshot             = var.force_destroy
  final_snapshot_identifier       = "${local.name}-final"
  enabled_cloudwatch_logs_exports = ["postgresql"]

  serverlessv2_scaling_configuration {
    min_capacity             = var.database.capacity_min
    max_capacity             = var.database.capacity_max
    seconds_until_auto_pause = local.database_pause_after_s
  }
}

resource "aws_rds_cluster_instance" "this" {
  identifier                      = "${local.name}-1"
  cluster_identifier              = aws_rds_cluster.this.id
  engine                          = aws_rds_cluster.this.engine
  engine_version                  = aws_rds_cluster.this.engine_version
  instance_class                  = "db.serverless"
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.this.arn
}
