"""What `make run` starts on one machine in place of AWS. Production never imports it."""
