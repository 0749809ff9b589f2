"""Where 2.x keeps its test harness."""

from homeport.testing.harness import homeport_test_harness

prefect_test_harness = homeport_test_harness

__all__ = ["homeport_test_harness", "prefect_test_harness"]
