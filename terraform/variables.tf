#### Deployment

variable "aws_region" {
  description = "Region of all resources."
  type        = string
  default     = "us-east-1"
}

variable "project_name" {
  description = "First part of every resource's name."
  type        = string
  default     = "nova-sonic-server-app"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}$", var.project_name))
    error_message = "project_name: 2 to 25 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "stage" {
  description = "Name of the deployment: demo, staging, production. Second part of every resource's name."
  type        = string
  default     = "demo"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.stage))
    error_message = "stage: 2 to 12 lower-case letters and digits, starting with a letter."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete tables, the log bucket and images with what they hold. For stages that hold no real data."
  type        = bool
  default     = false
}

#### Network

variable "vpc_cidr" {
  description = "Address range of the VPC, a /16 to /20."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false)
    error_message = "vpc_cidr: a range of 16 to 20 bits, such as 10.42.0.0/16."
  }
}

variable "availability_zone_count" {
  description = "Availability Zones in use."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3], var.availability_zone_count)
    error_message = "availability_zone_count: 2 or 3."
  }
}

variable "egress" {
  description = "How private tasks reach AWS: `nat` (one NAT gateway per zone in use by `nat_gateway_count`) or `endpoints` (interface endpoints only; no route to the Internet)."
  type        = string
  default     = "nat"

  validation {
    condition     = contains(["nat", "endpoints"], var.egress)
    error_message = "egress: nat or endpoints."
  }
}

variable "nat_gateway_count" {
  description = "NAT gateways with `egress = \"nat\"`: 1 is cheaper, one per zone survives the loss of a zone."
  type        = number
  default     = 1

  validation {
    condition     = var.nat_gateway_count >= 1 && var.nat_gateway_count <= 3
    error_message = "nat_gateway_count: 1 to 3, and no more than availability_zone_count."
  }
}

#### Names and certificates

variable "domain_name" {
  description = "Host name of site and voice, for which `certificate_arn` holds, e.g. voz.example.com."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate of `domain_name`, in `aws_region`."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "certificate_arn: the ARN of an ACM certificate. Browsers give the microphone to https pages only."
  }
}

variable "route53_zone_id" {
  description = "Hosted zone in which `domain_name` gets its record; null: the record is made elsewhere."
  type        = string
  default     = null
}

variable "allowed_origins" {
  description = "Other origins whose pages may use the REST API and open calls, exactly: https://www.example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https://[^/*]+$", origin))])
    error_message = "allowed_origins: https origins without a path and without a wildcard."
  }
}

#### DynamoDB

variable "dynamodb_billing_mode" {
  description = "Billing of the tables. Only on demand: calls come in bursts, and a throttled table is heard."
  type        = string
  default     = "PAY_PER_REQUEST"

  validation {
    condition     = var.dynamodb_billing_mode == "PAY_PER_REQUEST"
    error_message = "dynamodb_billing_mode: PAY_PER_REQUEST."
  }
}

#### REST API

variable "lambda_package" {
  description = "Zip of the REST API, made by scripts/build-lambda."
  type        = string
  default     = "../build/lambda.zip"
}

variable "lambda_timeout" {
  description = "Seconds a REST request may take. API Gateway waits 29."
  type        = number
  default     = 29

  validation {
    condition     = var.lambda_timeout >= 5 && var.lambda_timeout <= 30
    error_message = "lambda_timeout: 5 to 30 seconds."
  }
}

variable "lambda_memory_size" {
  description = "MB of the function. CPU grows with it: Django starts several times slower at 128 than at 1024."
  type        = number
  default     = 1024

  validation {
    condition     = var.lambda_memory_size >= 256 && var.lambda_memory_size <= 10240
    error_message = "lambda_memory_size: 256 to 10240 MB. At 128 MB Django and its libraries do not fit."
  }
}

variable "lambda_reserved_concurrency" {
  description = "Requests the function handles at once; the rest is answered 429. null: as many as the account allows, which for a new account may be 10, all of them unreserved."
  type        = number
  default     = null
}

variable "api_gateway_stage_name" {
  description = "Stage of API Gateway, part of its URL; null: the same as `stage`."
  type        = string
  default     = null
}

variable "api_throttle" {
  description = "Requests a second, and the burst, that API Gateway lets through."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default = {}
}

#### Voice and site

variable "image_tag" {
  description = "Tag of the image in the project's ECR repository that voice and site run."
  type        = string
}

variable "nova_sonic_model_id" {
  description = "Bedrock model of the voice service."
  type        = string
  default     = "amazon.nova-2-5-sonic"

  validation {
    condition     = can(regex("^amazon\\.nova-([0-9]+-)*sonic(-v[0-9]+:[0-9]+)?$", var.nova_sonic_model_id))
    error_message = "nova_sonic_model_id: the id of a Nova Sonic foundation model, such as amazon.nova-2-5-sonic or amazon.nova-2-sonic-v1:0."
  }
}

variable "nova_sonic_regions" {
  description = "Regions in which sessions are opened, the preferred one first; empty: `aws_region` alone. With several, a call moves to another Region when one is full or fails."
  type        = list(string)
  default     = []

  validation {
    condition     = !startswith(var.nova_sonic_model_id, "amazon.nova-2-5-sonic") || length(setsubtract(coalescelist(var.nova_sonic_regions, [var.aws_region]), local.nova_2_5_regions)) == 0
    error_message = "nova_sonic_regions (empty: aws_region): Nova 2.5 Sonic is offered in ${join(", ", local.nova_2_5_regions)} only. Name one of them, or set nova_sonic_model_id to amazon.nova-2-sonic-v1:0 where AWS offers that."
  }
}

variable "nova_sonic_session_quota" {
  description = "Concurrent sessions that the account's quota allows in each Region. All tasks together stay below it."
  type        = number
  default     = 20
}

variable "voice" {
  description = "Size of the voice service. `calls_per_task` is the target of scaling and the limit of each task."
  type = object({
    cpu            = optional(number, 1024)
    memory         = optional(number, 2048)
    tasks_min      = optional(number, 2)
    tasks_max      = optional(number, 6)
    calls_per_task = optional(number, 20)
  })
  default = {}
}

variable "site" {
  description = "Size of the site service (staff admin and browsable API)."
  type = object({
    cpu       = optional(number, 512)
    memory    = optional(number, 1024)
    tasks_min = optional(number, 1)
    tasks_max = optional(number, 3)
  })
  default = {}
}

variable "database" {
  description = "Aurora PostgreSQL Serverless v2 for Django's users, sessions and admin log. `capacity_min = 0` pauses it when nobody works."
  type = object({
    capacity_min          = optional(number, 0)
    capacity_max          = optional(number, 2)
    pause_after_s         = optional(number, 1800)
    backup_retention_days = optional(number, 14)
    password_version      = optional(number, 1)
  })
  default = {}
}

variable "database_password" {
  description = "Password of Aurora, in a first apply and where `database.password_version` is raised: TF_VAR_database_password=$(openssl rand -hex 24). Stored in Secrets Manager only."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.database_password == null || can(regex("^[A-Za-z0-9]{16,64}$", var.database_password))
    error_message = "database_password: 16 to 64 letters and digits."
  }
}

variable "environment" {
  description = "Further environment variables of voice, site and REST API, by the names in docs/configuration.md: CLINIC_DOCTORS, BUSINESS_NAME."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : !can(regex("SECRET_KEY|SECRET$|PASSWORD|TOKEN$|^AWS_|^DATABASE_URL$", name))])
    error_message = "environment: no secrets (they belong into Secrets Manager) and no AWS_ variables."
  }
}

variable "email_from" {
  description = "Sender of the e-mails to patients, a verified identity of Amazon SES: `Clínica <turnos@example.com>`. Empty: none are sent."
  type        = string
  default     = ""

  validation {
    condition     = var.email_from == "" || can(regex("^([^<>]*<[^@<> ]+@[^@<> ]+>|[^@<> ]+@[^@<> ]+)$", var.email_from))
    error_message = "email_from: an address, or a name and an address in <>."
  }
}

variable "webhooks" {
  description = "Whether the worker runs that posts events to webhooks, which supervisors set up in the admin. With `email_from` it runs in any case."
  type        = bool
  default     = false
}

#### Operation

variable "log_level" {
  description = "LOGLEVEL of all services."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level: DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "Days that logs are stored."
  type        = number
  default     = 90
}

variable "alarm_emails" {
  description = "Addresses that get the alarms; each confirms once."
  type        = list(string)
  default     = []
}

variable "monthly_budget_usd" {
  description = "Monthly cost of the project at which an alarm is sent; null: none."
  type        = number
  default     = null
}

variable "waf_requests_per_5_minutes" {
  description = "Requests from one address in five minutes, above which WAF blocks it."
  type        = number
  default     = 2000
}
