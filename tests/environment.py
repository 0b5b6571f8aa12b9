"""The environment that tests run in, loaded by `-p` before Django's settings are read."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="authzviz-tests-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
for name in [name for name in os.environ if name.startswith("AUTHZVIZ_")]:
    del os.environ[name]
os.environ.update(AUTHZVIZ_DATA=_data, AUTHZVIZ_LOG_LEVEL="WARNING", KUBECONFIG=f"{_data}/none")
for name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)
# Set by tests that run other tests once more, on another database than SQLite.
if "TESTS_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TESTS_DATABASE_URL"]
