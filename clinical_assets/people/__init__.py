"""People and services: records, states, rights, rules of secrets and of lockout."""
