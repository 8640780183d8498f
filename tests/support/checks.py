"""Health checks of hypothesis, for tests that know what they cost."""

from hypothesis import HealthCheck

EVERY = (
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.too_slow,
    HealthCheck.large_base_example,
    HealthCheck.function_scoped_fixture,
    HealthCheck.differing_executors,
    HealthCheck.nested_given,
)
