"""What others do, measured in the same run with the same load: named by its method, not by a product."""
