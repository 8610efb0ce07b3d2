"""What no room may do: print, swallow errors, wait by the clock in a test."""

import ast

from tests.house.source import Module, modules, product_modules

# Programs whose output is what they are for.
MAY_PRINT = ("bench/", "control_plane/cli", "store/schema.py", "tests/chaos/drill.py", "tools/dev/console.py")
# A test may sleep only in the helper that polls for a condition, and where a client pauses between its retries; and a
# simulation where faults last, because time is what it simulates.
MAY_SLEEP = (
    "tests/servers/waiting.py",
    "tests/e2e/checkout.py",
    "tests/chaos/admin.py",
    "tests/chaos/drill.py",
    "tests/chaos/children.py",
    "tests/chaos/nemesis.py",
    "tests/chaos/faults_stream.py",
    "tests/chaos/faults_redis.py",
    "tests/chaos/faults_failover.py",
    "tests/chaos/faults_host.py",
    "tests/chaos/faults_kept.py",
    "tests/chaos/proxy.py",
    "tests/chaos/run.py",
    "tests/chaos/baskets.py",
    "tests/chaos/purses.py",
    "tests/chaos/shop.py",
    "tests/chaos/soak.py",
)


def test_only_command_lines_print() -> None:
    printing = [
        module.at(node)
        for module in modules()
        if not module.path.startswith(MAY_PRINT)
        for node in module.walk()
        if is_call_of(node, "print") or is_attribute(node, "sys", "stdout")
    ]
    # The launcher's own command line hands its output over before it becomes another program.
    assert [place for place in printing if not place.startswith("tools/dev/cli.py")] == []


def test_no_error_is_swallowed() -> None:
    swallowed = [
        module.at(node)
        for module in product_modules()
        for node in module.walk()
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and does_nothing(node.body)
    ]
    assert swallowed == []


def test_suppress_names_what_it_suppresses() -> None:
    broad = [
        module.at(node)
        for module in product_modules()
        for node in module.walk()
        if isinstance(node, ast.Call)
        and called_name(node) == "suppress"
        and any(isinstance(arg, ast.Name) and arg.id in ("Exception", "BaseException") for arg in node.args)
    ]
    assert broad == []


def test_tests_wait_for_conditions_and_not_for_time() -> None:
    sleeping = [
        module.at(node)
        for module in modules()
        if module.is_in("tests") and module.path not in MAY_SLEEP
        for node in module.walk()
        if is_attribute(node, "time", "sleep") or is_sleep_of_some_time(node)
    ]
    assert sleeping == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    names = ("Exception", "BaseException")
    return handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id in names)


def does_nothing(body: list[ast.stmt]) -> bool:
    return all(isinstance(statement, ast.Pass | ast.Continue) for statement in body)


def is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def is_attribute(node: ast.AST, owner: str, name: str) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr != name:
        return False
    return isinstance(node.value, ast.Name) and node.value.id == owner


def is_sleep_of_some_time(node: ast.AST) -> bool:
    """`asyncio.sleep(0)` lets others run and is no waiting."""
    if not isinstance(node, ast.Call) or not is_attribute(node.func, "asyncio", "sleep"):
        return False
    return not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)


def called_name(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_the_lints_see_what_they_forbid() -> None:
    source = "try:\n    pass\nexcept Exception:\n    pass\nprint(1)\nasyncio.sleep(1)\nasyncio.sleep(0)\n"
    module = Module("x.py", source, ast.parse(source))
    nodes = list(module.walk())
    assert any(isinstance(n, ast.ExceptHandler) and is_broad(n) and does_nothing(n.body) for n in nodes)
    assert any(is_call_of(node, "print") for node in nodes)
    assert sum(is_sleep_of_some_time(node) for node in nodes) == 1
