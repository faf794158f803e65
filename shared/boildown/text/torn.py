"""Ends of clauses at which a cut would mislead: inside of brackets, or before what takes back what was said."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from boildown.text.markup import TAG
from boildown.text.sentences import STOPS

__all__ = ["taken_back", "untorn"]

_WHOLE = re.compile(rf"{TAG}|\((?:[^()\n]|\([^()\n]*\)){{0,120}}\)|\[[^\[\]\n]{{0,120}}\]|（[^（）\n]{{0,60}}）")
"""Tags, and brackets around less than a sentence."""
_EXCEPTION = re.compile(
    # It may stand in bold or italics.
    rf"(?:[,;:)\]–—،؛]\s+|[(\[（])(?:{TAG}|[*_]{{1,3}})?(?:and |or |und |oder |et |ou |y |o |e |en |of |i |и |а |ve )?"
    rf"(?:{TAG}|[*_]{{1,3}})?(?:(?:"
    r"unless|except|excluding|provided|as long as|only|but|yet|although|whereas|however|(?:not )?if|other than"
    r"|save (?:for|that)|subject to|until|with the exception|apart from|though|not|without"
    r"|in case|in the event|in the absence|on condition|so long as|even if|even when|notwithstanding|never|otherwise"
    # Of what is or has been so; of what was, it says the place.
    r"|where (?:an?|any|either|no|such|the) [\w-]+ (?:are|does|do|fails?|has|have|is)"
    # German, Dutch
    r"|es sei denn|sofern|soweit|außer|ausgenommen|(?:nicht )?jedoch|nur|solange|falls|wenn|nicht|ohne|aber|doch|obwohl"
    r"|wohingegen|bis|mit (?:der )?(?:ausnahme|maßgabe)|unter der (?:bedingung|voraussetzung)|vorausgesetzt|im falle?"
    r"|abgesehen von|niemals|nie|auf keinen fall"
    r"|tenzij|behalve|mits|zonder|maar|als|indien|niet|alleen|hoewel|met uitzondering|op voorwaarde|in (?:het )?geval"
    r"|nooit"
    # French, Spanish, Portuguese, Italian
    r"|sauf|excepté|hormis|à moins|à condition|pourvu|mais|bien que|alors que|seulement|sans|si|s['’]ils?|non"
    r"|à l['’]ex(?:ception|clusion)|en cas|sous réserve|tant que|jamais|hors"
    r"|salvo|excepto|a menos|a no ser|siempre que|pero|aunque|solo|sólo|sin|exceto|desde que|sem|mas|embora|apenas|não"
    r"|(?:a|con(?: la)?) excepción|en (?:el )?caso|nunca|(?:à|com) exceção|em caso|caso|a não ser"
    r"|tranne|eccetto|a condizione|purché|senza|ma|se|anche se|sebbene|(?:ad?|fatta) eccezione|fatt[aeio] salv[aeio]"
    r"|a meno|in caso|nel caso|qualora|soltanto|mai"
    # Polish, Russian, Ukrainian
    r"|chyba że|z wyjątkiem|oprócz|poza|o ile|pod warunkiem|jeśli|jeżeli|ale|lecz|jednak|choć|chociaż|tylko|nie|bez"
    r"|z wyłączeniem|w przypadku|w razie|nigdy"
    r"|кроме|за исключением|если|при условии|но|однако|хотя|только|лишь|не|без|в случае|никогда"
    r"|крім|окрім|за винятком|якщо|за умови|але|однак|проте|хоча|тільки|лише|[ву] разі|ніколи"
    # Turkish, Indonesian, Vietnamese, Arabic, Hebrew
    r"|asla|dalam hal|dengan syarat|trong trường hợp|في حالة?|شريطة|במקרה"
    r"|ancak|fakat|ama|hariç|yalnızca|sadece|eğer|kecuali|jika|apabila|asalkan|tetapi|namun|meskipun|hanya|tidak|tanpa"
    r"|trừ|ngoại trừ|nếu|với điều kiện|nhưng|tuy nhiên|chỉ|không|ما لم|إلا|وإلا|بشرط|باستثناء|ما عدا|لكن|ولكن|إذا|ولا"
    r"|אלא|למעט|פרט|חוץ|בתנאי|אם|אבל|אך|רק|לא"
    # Hindi, of which words may end in a sign that is no letter
    r")\b|जब तक|बशर्ते|लेकिन|परंतु|मगर|यदि|अगर|सिवाय|केवल)"
    r"|[，；、(（]\s?(?:除|但|不|然而|惟|否则|否則|如果|若|只要|仅|僅|只有|ただし)",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"[,;，、；،]\s*(?:(?:and|or|nor|und|oder|et|ou|y|o|e|en|of|lub|i|или|и|або|ve|veya|dan|atau|hoặc|أو)\b|或|和|并|及)"
)
"""What an exception may list: "unless it is broken, lost, or sold"."""
_CLOSING = ")]）"
_AFTER_COLON = re.compile(r"(?:[:：]|[\u0400-\u04ff»] [–—])\s*\Z")
"""Or after a dash where one stands for "is": "Обслуживание — 99 руб."."""
_LABELLED = re.compile(r"[(（][^()（）\n]{0,60}[)）]\s?[:：]")
"""A bracket that ends a label: "Allergy (severe):"."""
_HEAD = re.compile(
    rf"\s*(?:#{{1,6}}\s[^\n]*\n\s*)*(?:[^\n]{{1,60}}(?<![\s,;{STOPS}])\s*\n\s*)?(?:\[[^\]\n]{{1,40}}\]\s*)?"
    r"(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z]|[ivx]{1,5})[.)]?\s+)?(?:[^\W\d_][\w-]*:\s+)?"
)
"""Headings above a sentence; and before it a date in brackets, a number, and a label."""
_INTRODUCTION = (
    r"(?:before|after|since|when|while|as|if|although|though|because|in|on|at|during|by|from|for|with|once|under|upon"
    r"|despite|unlike|according|until|except|subject to|notwithstanding|unless|where|provided|excluding|including"
    r"|without|apart from|besides|due to|given|compared"
    r"|im|am|bei|nach|vor|wenn|als|während|seit|falls|mit|für|bevor|nachdem|obwohl|laut"
    r"|en|dans|avant|après|depuis|quand|lorsque|si|pour|avec|selon|dès|pendant|malgré"
    r"|antes|después|desde|cuando|para|con|según|durante|al|por|tras|aunque|se|quando|caso|após|dopo|prima|als|indien|bij"
    r"|gdy|jeśli|jeżeli|если|когда|якщо|коли|jika|apabila|nếu|khi|إذا|عند|אם|כאשר)\b[^,;:،]{0,60}[,،]\s*\Z"
)
"""What says too little to stand for a sentence: "Since March 2024,"."""
_FIRST_INTRODUCTION = re.compile(rf"\W*{_INTRODUCTION}", re.IGNORECASE)
_BUT = r"(?:but|however|yet|aber|jedoch|maar|mais|pero|mas|ma|ale|но|але)\b"
_CONDITION = re.compile(rf"(?:;\s+(?:{_BUT},?\s+)?|[,:–—]\s+{_BUT},?\s+){_INTRODUCTION}", re.IGNORECASE)
"""An exception that says when, and not yet what: "; if the light is green,"."""
_NEXT_INTRODUCTION = re.compile(rf"\s*(?:and|or|und|oder|et|ou|y|o|e|en|of)\s+{_INTRODUCTION}", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:(?:\A|[，；：\n])\s*(?:但是?|而)?(?:如|若|倘|当|當|凡|除|因|由于|由於|虽|雖|尽管|儘管|即使|只要|只有|一旦|自|根据|根據)"
    r"[^，；：]*|(?:的|者|时|時|后|後|前|外|内|內|间|間|中|下|上|起|方面))，\s*\Z"
)
"""A Chinese clause that says when or of whom, and not yet what: "如果退出码是 137，", "未按规定提交证明的，"."""
_LONGEST_UNFINISHED = 60
_BOUND = re.compile(
    r"\s*(?:dass|daß|ob"
    r"|(?:(?:an|auf|aus|bei|durch|für|gegen|in|mit|nach|über|um|unter|von|vor|zu) )?(?:der|die|das|dem|den|deren|dessen"
    r"|denen|welche[rsmn]?)|że|żeby|który\w*|któr[aąeyi]\w*|gdy|чтобы|что|когда|где|котор\w+|щоб|що|коли|як[аеиіу]\w*)\b"
)
"""What has a comma before it in German and Slavic languages, though it says what or which is meant."""


def taken_back(text: str) -> list[tuple[int, int]]:
    """Where the words stand by which a text takes back what it said: a comma or a bracket, and "unless" or "not"."""
    return [match.span() for match in _EXCEPTION.finditer(text)]


def untorn(text: str, ends: Sequence[int]) -> list[int]:
    """The ends at which no cut misleads.

    None is inside of brackets and tags, after a colon, in a heading or a label, right after an introduction, before
    what says which one is meant, before an exception, a condition or a "but", which belongs to all that it takes back,
    or in what one of these lists.

    Args:
        text: one sentence.
        ends: where its clauses end, in characters, without the last.
    """
    if not ends:
        return []
    whole = [match.span() for match in _WHOLE.finditer(text)]
    begins = [begin for begin, _ in whole]

    def outside(end: int) -> bool:
        around = bisect_left(begins, end) - 1
        return around < 0 or end >= whole[around][1]

    left = [end for end in ends if outside(end)]
    left = [e for e in left if not (_AFTER_COLON.search(text, max(0, e - 9), e) or _LABELLED.match(text, e))]
    left = [e for e in left if not _UNFINISHED.search(text, max(0, e - _LONGEST_UNFINISHED), e)]
    left = [e for e in left if text[max(0, e - 9) : e].rstrip()[-1:] != "," or not _BOUND.match(text, e)]
    head = _HEAD.match(text)
    start = head.end() if head else 0
    # What looks like a heading may be the first line of a wrapped sentence.
    if left and any(_FIRST_INTRODUCTION.match(text, begin, left[0]) for begin in (0, start)):
        start = left[0]
    left = [end for begin, end in pairwise([start, *left]) if not _NEXT_INTRODUCTION.match(text, begin, end)]
    # A bracket that closes before an exception is not around it.
    exceptions = [span for span in taken_back(text) if outside(span[0] + (text[span[0]] in _CLOSING))]
    if exceptions:
        behind = [(begin, left[i]) for begin, word in exceptions if (i := bisect_left(left, word)) < len(left)]
        conditions = {end for begin, end in behind if _CONDITION.match(text, begin, end)}
        left = [end for end in left if end not in conditions]
        start = max(start, exceptions[-1][1])
        if _LIST.search(text, exceptions[0][1]):
            left = [end for end in left if text[max(0, end - 9) : end].rstrip().endswith(";")]
    return [end for end in left if end > start]
