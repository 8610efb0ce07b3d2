"""What is kept, and how it is reached: names of keys, SQL, migrations, script stubs, tenant transactions."""
