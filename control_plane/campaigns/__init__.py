"""Campaigns: rules that many codes share."""
