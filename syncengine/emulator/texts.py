"""Made-up sentences, Chinese and English, the same for the same seed."""

import random

_ENGLISH = (
    "See you at the station around noon",
    "The build is green again, please have a look",
    "Could you send me the slides from yesterday",
    "I moved the meeting to Thursday, same room",
    "Dinner is on me this time",
    "The parcel arrived, thank you so much",
    "Running ten minutes late, sorry",
    "Did anybody test this on a slow network",
    "Let us keep the old design until the release",
    "That photo from the lake is wonderful",
    "My train is stuck outside the city",
    "Who has the key to the store room",
)
_CHINESE = (
    "明天上午开会，别忘了带上文件",
    "今天的天气真好，一起去公园吧",
    "消息同步已经完成，请检查一下",
    "晚上吃火锅还是烤鱼？",
    "我在地铁上，信号不太好",
    "照片已经发到群里了",
    "这个版本什么时候发布",
    "生日快乐，万事如意",
    "快递放在门口了，记得拿",
    "周末有空帮我搬一下家吗",
)
_ENDINGS = ("", "", "", "!", " 👍", " 😂", "。", "?", " 🎉")


def sentence(seed: str) -> str:
    """One to three sentences in one or both languages."""
    chance = random.Random(seed)  # noqa: S311 # repeatable on purpose
    pools = chance.choice(((_ENGLISH,), (_CHINESE,), (_ENGLISH, _CHINESE)))
    parts = [each for pool in pools for each in chance.sample(pool, chance.randint(1, 2))]
    return " ".join(parts) + f" #{chance.randrange(10_000)}" + chance.choice(_ENDINGS)
