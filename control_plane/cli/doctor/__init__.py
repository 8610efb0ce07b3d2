"""`doctor`: what is wrong with an installation, why that matters, and how to mend it. Looks only; mends nothing."""
