"""What runs on the user's machine only: inputs, launching, seeding, models; no worker needs it."""
