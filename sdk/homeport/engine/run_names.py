"""Names for runs that nobody named: two words, easy to say."""

from __future__ import annotations

import random

FIRST = """
amber brave bright calm clever copper cosy crisp curious daring early eager fair fleet gentle glad golden happy honest
humble jolly keen kind lively lucky mellow merry mighty modest nimble noble patient placid plucky polite proud quick
quiet rapid ready silver smooth snug steady sunny swift tidy vivid warm wise witty
"""
SECOND = """
albatross badger beaver bison bream capybara cormorant crane curlew dolphin dunlin eider falcon gannet gecko gull hare
heron ibis jackdaw kestrel kite lapwing lark limpet lynx marlin marten mole narwhal osprey otter oyster petrel pike
plover puffin raven robin salmon seal shrew starling stork swallow tern trout turtle walrus wren
"""


def made_up_name() -> str:
    """Such as `quiet-heron`."""
    return f"{random.choice(FIRST.split())}-{random.choice(SECOND.split())}"
