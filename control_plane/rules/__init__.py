"""Rules as the API spells them: read from bodies, shown in answers, for campaigns and vouchers alike."""
