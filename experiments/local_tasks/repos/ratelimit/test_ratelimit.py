# ruff: noqa: D100, D101, D103

from ratelimit import Bucket


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_a_full_bucket_allows_a_burst():
    bucket = Bucket(3, 1, Clock())
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_tokens_come_back_with_time():
    clock = Clock()
    bucket = Bucket(2, 0.5, clock)
    assert bucket.take(2)
    clock.now_s += 2
    assert bucket.take()
    assert not bucket.take()


def test_an_idle_bucket_never_holds_more_than_its_capacity():
    clock = Clock()
    bucket = Bucket(3, 1, clock)
    clock.now_s += 60
    assert bucket.take(3)
    assert not bucket.take()


def test_wait_tells_when_tokens_are_there():
    clock = Clock()
    bucket = Bucket(2, 0.5, clock)
    assert bucket.take(2)
    assert bucket.wait_s() == 2.0


def test_wait_is_never_negative():
    assert Bucket(3, 1, Clock()).wait_s() == 0.0
