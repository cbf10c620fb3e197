"""The tests leave the folders of whoever runs them alone."""

import os
from pathlib import Path

import jupyter_core.paths
import matplotlib
from IPython.paths import get_ipython_dir

from autograder.store import store_url
from autograder.store.secret import course_secret, secret_file
from course.data import data_folder


def test_every_folder_that_a_user_has_is_replaced_and_mnist_is_fetched_once_for_all_runs():
    temporary = Path(os.environ["XDG_CACHE_HOME"]).parent
    folders = [
        secret_file(),
        store_url(None).database,
        get_ipython_dir(),
        jupyter_core.paths.jupyter_config_dir(),
        jupyter_core.paths.jupyter_data_dir(),
        jupyter_core.paths.jupyter_runtime_dir(),
        matplotlib.get_configdir(),
        matplotlib.get_cachedir(),
    ]
    assert [folder for folder in folders if not Path(folder).is_relative_to(temporary)] == []
    assert not data_folder().resolve().is_relative_to(temporary)
    assert course_secret() == b"the secret of the tests"
    assert not secret_file().exists()
