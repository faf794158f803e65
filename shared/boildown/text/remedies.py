"""Queries that tell of a problem, and headings under which texts tell its cause and what helps.

Notes of a support desk say what happened, why, and what to do, under headings of their own. What to do often shares no
word with what happened, which is all that a query tells.
"""

from __future__ import annotations

import re

__all__ = ["promises_remedy", "tells_of_problem"]

_LONGEST = 60
"""Characters of a heading; a longer line says more than what is below it."""
_PROBLEM = re.compile(
    r"exception|\b(?:error|fail|crash|hang|freez|stuck|broken|problem|issue|trouble|wrong|cannot|can['’]?t\b|unable"
    r"|(?:does|do|did|is|are|was|were|will) not\b|(?:does|do|did|is|are|was|were|wo)n['’]?t\b"
    r"|resolve|fix(?:ed|es|ing)?\b|solve|workaround"
    r"|fehler|fehlgeschlagen|störung|abst[uü]rz|funktioniert nicht|geht nicht|lässt sich nicht|beheben"
    r"|erreur|échec|échou|problème|panne|impossible|ne (?:fonctionne|marche) p|résoudre"
    r"|fall[aoó]|no (?:funciona|puedo|se puede)|non (?:funziona|riesco)|risolvere"
    r"|erro\b|falha|não (?:funciona|consigo)|fout|probleem|storing|werkt niet|lukt niet|oplossen"
    r"|ошибк|проблем|не (?:работает|удаётся|удается)|сбой|исправить)"
    r"|错误|報錯|报错|失败|失敗|问题|問題|无法|無法|异常|故障|解决|エラー|できない|できません|動かない|不具合|오류|에러|문제|해결",
    re.IGNORECASE,
)
_FIRST = (
    r"resol\w*|solutions?|solving|workarounds?|answers?|(?:root |probable |possible )?causes?|remed(?:y|ies|iation)"
    r"|mitigations?|countermeasures?|corrective actions?|what to do|how to (?:fix|resolve|solve)|fix(?:es)?"
    r"|lösung(?:en)?|abhilfe|behebung|ursachen?|résolution|contournement|remèdes?|soluci[oó]n(?:es)?|caus[ae]s?"
    r"|soluzion[ei]|risoluzione|soluç(?:ão|ões)|oplossing(?:en)?|oorzaak|oorzaken"
    r"|решение|причин[аы]|устранение"
)
_LAST = r"fix(?:es)?|solutions?|resolution|workarounds?|causes?|answer|conclusion|lösung|ursache|solución|soluzione"
_REMEDY = re.compile(
    rf"[\W\d_]*(?:(?:{_FIRST})"
    r"(?:\W*|\s*/.*|\W+(?:(?:of |to |for )?(?:the |this |your )?(?:problem|issue|error)s?|steps?)\W*)"
    rf"|(?:\w+ ){{1,3}}(?:{_LAST})\W*"
    r"|(?:解决|解決|处理|處理|修复|対処|回避)\w{0,4}\W*|(?:故障)?(?:根本)?原因\W*|해결\s?\w{0,3}\W*|원인\W*)\Z",
    re.IGNORECASE,
)


def tells_of_problem(query: str) -> bool:
    """Whether a query says that something goes wrong, or asks how to put it right."""
    return _PROBLEM.search(query) is not None


def promises_remedy(heading: str) -> bool:
    """Whether a heading is one of causes or remedies: "Resolution", "Resolving the problem", "Local fix"."""
    heading = re.sub(r"<[^>]*>", " ", heading).strip()
    return len(heading) <= _LONGEST and _REMEDY.match(heading) is not None
