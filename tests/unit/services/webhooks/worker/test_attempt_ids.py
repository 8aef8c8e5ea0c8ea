from ulid import ULID

from services.webhooks.worker.attempt_ids import AttemptIds

NOW = 1_790_000_000.123


def test_ids_are_ulids_of_their_time_and_none_comes_twice() -> None:
    ids = AttemptIds()
    made = [ids.new(NOW + second) for second in range(3) for _ in range(2000)]
    assert len(set(made)) == len(made)
    assert all(each.startswith("att_") for each in made)
    assert [int(ULID.from_str(each[4:]).timestamp * 1000) for each in made[::2000]] == [
        int((NOW + second) * 1000) for second in range(3)
    ]


def test_ids_of_two_processes_differ() -> None:
    assert AttemptIds().new(NOW)[:-6] != AttemptIds().new(NOW)[:-6]
