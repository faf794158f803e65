"""Words that say nothing about the subject: articles, prepositions, auxiliaries, question words.

Among ten retrieved documents their rarity is chance, and BM25 weighs it, so they are left out. A word that means a
thing in another of these languages is not here ("die", "son", "war", "hat"); nor are letters, for the sake of
vitamin D. Of Chinese, Japanese and Korean there are pairs of characters and single ones, as they are compared.
"""

from __future__ import annotations

_ENGLISH = (
    "the of and in to a is was for on by with as at from that it an be are were what who whom whose when "
    "which how does  did do where why or this s "
)
_OTHERS = (
    # French
    "le la les de des du un une et à au aux en est sont que qui quoi quel quelle quels quelles où quand "
    "comment combien  pourquoi dans par pour sur avec il elle ils elles ce cette ces se sa ses ont été l qu "
    # German
    "der das den dem ein eine einen einem einer und im am an auf von vom zu zum zur mit für ist sind wurde "
    "wurden wird  haben bei nach aus durch als wie wer wen wem wo wann warum welche welcher welches wieviel "
    "viele "
    # Spanish, Portuguese, Italian, Romanian
    "el los las lo del unos y al es fue fueron qué quién quiénes cuál cuáles cuándo dónde cómo cuánto cuántos "
    "cuántas para con sus ha como o uma em por quem onde foi il lo gli di che dove quando quale è nel della "
    "cu din pe și ce care cât câte când unde sunt fost prin pentru în "
    # Russian
    "в во на и с со к по из от за у о об что кто как где когда какой какая какие какое каком сколько был была "
    "было были  это для его "
    # Greek, Turkish, Vietnamese
    "ο η το οι τα του της των τον την στο στη στην στον στα και να με για από που πως πώς τι ποιος ποια ποιο "
    "ποιοι πότε  πού είναι ήταν σε θα ένα μια ένας ve bir bu da de hangi nerede ne zaman kaç için ile nasıl "
    "olarak  của và là các những được trong cho có một ở gì nào khi với đã bao nhiêu "
    # Hindi, Arabic (folded)
    "के की का में से को ने है हैं था थे थी और एक यह कि क्या कौन कब कहाँ कितने कितनी किस पर लिए  في من علي الي "
    "عن ما ماذا متي اين كيف كم هل هو هي التي الذي تي ذي ان كان كانت هذا هذه مع او و "
)
_BIGRAMS = (
    # Chinese
    "什么 么时 什麼 麼時 怎么 怎樣 怎样 怎麼 如何 多少 多久 哪些 哪个 哪個 "
    "哪里 是否 能否 可以 以吗 以嗎 能不 会不 有没 没有 有沒 "
    # Japanese
    "です ます ませ せん でし まし した すか ない って てい いる ある れる れば "
    "する され から まで こと もの など には では とは "
    "どう うす すれ いい いで どの どれ どこ いつ つま ださ さい でき きま しま ばい のは のが ので "
    # Korean
    "니다 습니 합니 입니 니까 나요 까요 가요 세요 어요 아요 하나 있나 있습 하는 있는 에서 으로 어떻 떻게 무엇 언제 "
)
_CHARACTERS = (
    "的是在了和有不与與为為以之上下中个個这這那就都而及被由从從对對到于於其哪谁誰什么麼何几幾多少们們也等或将將把给給让讓向着著"
    "吗嗎呢吧啊所但并並则則还還又很此该該每各如可能会會否没沒些怎样樣"
)

FUNCTION_WORDS = frozenset((_ENGLISH + _OTHERS + _BIGRAMS).casefold().split()) | frozenset(_CHARACTERS)
"""Case-folded: in Greek "της" is "τησ"."""
FOREIGN_WORDS = frozenset(_OTHERS.casefold().split()) - frozenset(_ENGLISH.split())
"""Those that are no English ones."""
