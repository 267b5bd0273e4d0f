"""Identity verification of customers, and the lockout after failed attempts."""
