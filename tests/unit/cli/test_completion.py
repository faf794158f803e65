import subprocess
import sys

import pytest

from boildown.cli import main

pytest.importorskip("shtab")


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, "-m", "boildown", "completion", "bash"], capture_output=True, text=True, check=True
    )
    path = tmp_path_factory.mktemp("completion") / "boildown.bash"
    path.write_text(done.stdout)
    return path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["comp"], {"compress", "completion"}),
        (["compress", "--or"], {"--order"}),
        (["compress", "--order", "e"], {"edges"}),
        (["compress", "--method", "bm"], {"bm25"}),
        (["compress", "--protect", "nu"], {"number"}),
        (["completion", "z"], {"zsh"}),
    ],
)
def test_bash_completes_commands_options_and_values(script, typed, offered):
    words = " ".join(f"'{word}'" for word in ("boildown", *typed))
    ask = f"""
source {script}
COMP_WORDS=({words}); COMP_CWORD={len(typed)}
function=$(complete -p boildown | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function boildown "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, check=True)
    assert {line.strip() for line in done.stdout.splitlines()} == offered, done.stderr


@pytest.mark.parametrize(("shell", "sign"), [("zsh", "#compdef boildown"), ("fish", "complete -c boildown")])
def test_other_shells_get_a_script_with_the_methods(shell, sign, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert sign in script
    assert "longllmlingua" in script


def test_without_shtab_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'boildown[completion]'" in capsys.readouterr().err


def test_an_unknown_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["completion", "cmd"])
    assert stop.value.code == 2
    assert "invalid choice: 'cmd'" in capsys.readouterr().err
