import os
import shutil
import subprocess
import sys

import pytest

from boildown.cli import main

pytest.importorskip("shtab")


_BASH = """
source "$SCRIPT"
read -ra COMP_WORDS <<< "$LINE"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p boildown | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function boildown "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf 'offered:%s\n' "${COMPREPLY[@]}"
"""
_FISH = """
source "$SCRIPT"
complete -C "$LINE" | string replace -r '\t.*' '' | string replace -r '^' 'offered:'
"""
_ZSH = """
zmodload zsh/zpty
zpty shell zsh -i
zpty -r shell output '*STARTED*'
zpty -w -n shell "$LINE"$'\t'
zpty -r shell output '*FINISHED*'
print -r -- "$output"
"""
# zsh completes in a terminal only, so what it is about to offer is printed there.
_ZSHRC = """
autoload -U compinit && compinit -u -D
eval "$(<"$SCRIPT")"
compadd () {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; builtin compadd -A hits "$@"; print -rl -- "" offered:$^hits
}
started () { print STARTED }
finished () { print FINISHED; exit }
zle -N zle-line-init started
comppostfuncs=(finished)
bindkey '^I' complete-word
"""
_SHELLS = {
    "bash": ("bash", "--norc", "-c", _BASH),
    "fish": ("fish", "--no-config", "-c", _FISH),
    "zsh": ("zsh", "-f", "-c", _ZSH),
}


@pytest.fixture(scope="module", params=_SHELLS)
def complete(request, tmp_path_factory):
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    home = tmp_path_factory.mktemp(shell)
    done = subprocess.run([sys.executable, "-m", "boildown", "completion", shell], stdout=subprocess.PIPE, check=True)
    (home / "script").write_bytes(done.stdout)
    (home / ".zshrc").write_text(_ZSHRC)
    (home / "files").mkdir()
    for name in ("notes.txt", "more.md"):
        (home / "files" / name).touch()
    places = {"HOME": str(home), "ZDOTDIR": str(home), "SCRIPT": str(home / "script")}

    def ask(line):
        done = subprocess.run(
            _SHELLS[shell],
            env=os.environ | places | {"LINE": line},
            cwd=home / "files",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )
        offered = [line.strip() for line in done.stdout.splitlines() if line.startswith("offered:")]
        return {line.removeprefix("offered:") for line in offered}

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("comp", {"compress", "completion"}),
        ("compress --or", {"--order"}),
        ("compress --order e", {"edges"}),
        ("compress --method bm", {"bm25"}),
        ("compress --method trun", set()),
        ("eval --method trun", {"truncate"}),
        ("bench bund", {"bundled", "bundled-int8"}),
        ("bench --repeat 2 cold em", {"embed-minilm"}),
        ("compress --protect nu", {"number"}),
        ("serve --dtype bf", {"bfloat16"}),
        ("completion z", {"zsh"}),
        ("compress no", {"notes.txt"}),
        ("compress --tokens 9 more.md no", {"notes.txt"}),
        ("compress --html no", {"notes.txt"}),
        ("eval --resume mo", {"more.md"}),
    ],
)
def test_a_shell_completes_commands_options_values_and_files(complete, line, offered):
    assert complete(f"boildown {line}") - {""} == offered


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
