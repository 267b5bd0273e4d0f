# The bucket, its Region and the key come from backend.hcl, which scripts/setup-backend.sh writes:
#
#   terraform init -backend-config=backend.hcl
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
