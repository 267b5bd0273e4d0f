# Keys and indexes are those of the models in orders/models.py, appointments/models.py and
# conversations/models.py; tests/infrastructure/test_tables.py compares them.

locals {
  tables = {
    orders = {
      CustomerEmailIndex     = { hash = "customerEmail" }
      CustomerEmailDateIndex = { hash = "customerEmail", range = "createdAt" }
      DniDateIndex           = { hash = "dni", range = "createdAt" }
      StatusIndex            = { hash = "status", range = "createdAt" }
    }
    appointments = {
      PatientEmailIndex     = { hash = "patientEmail" }
      PatientEmailDateIndex = { hash = "patientEmail", range = "appointmentDate" }
      DniDateIndex          = { hash = "dni", range = "appointmentDate" }
      DoctorDateIndex       = { hash = "doctorName", range = "appointmentDate" }
      StatusIndex           = { hash = "status" }
      StatusDateIndex       = { hash = "status", range = "appointmentDate" }
    }
    calls = {
      CallIndex      = { hash = "kind", range = "startedAt" }
      LiveIndex      = { hash = "live", range = "startedAt" }
      HadErrorsIndex = { hash = "hadErrors", range = "startedAt" }
      OutcomeIndex   = { hash = "outcome", range = "startedAt" }
      ToolIndex      = { hash = "tool", range = "startedAt" }
      SpeakerIndex   = { hash = "speaker", range = "at" }
    }
  }
}

resource "aws_dynamodb_table" "this" {
  for_each = local.tables

  name                        = "${local.name}-${each.key}"
  billing_mode                = var.dynamodb_billing_mode
  hash_key                    = "PK"
  range_key                   = "SK"
  deletion_protection_enabled = !var.force_destroy

  # All keys are strings; an attribute that is no key is not declared.
  dynamic "attribute" {
    for_each = toset(concat(["PK", "SK"], flatten([for index in each.value : compact([index.hash, try(index.range, null)])])))

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.hash
      range_key       = try(global_secondary_index.value.range, null)
      projection_type = "ALL"
    }
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }
}
