"""Learn linear steering directions in small language models and measure how reliably they control refusal."""
