"""What a plugin's tests are made of: so far, cassettes of what is sent and answered."""
