"""Referral programs: who may refer by which code, what it is rewarded with, and who has referred whom."""
