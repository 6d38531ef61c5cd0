<?php

declare(strict_types=1);

namespace Portraitd\Testing;

/** A throw-away app and its admin: accounts, faults and recorded calls that no other test sees. */
final class App
{
    private bool $clockWasMoved = false;

    public function __construct(
        private readonly Emulator $emulator,
        public readonly string $url,
        public readonly int $sdkappid,
        #[\SensitiveParameter] public readonly string $key,
        public readonly string $admin,
        /** The admin's, valid for 180 days. */
        #[\SensitiveParameter] public readonly string $usersig,
    ) {
    }

    /** Returns a UserSig for a user, by the emulator's clock, valid for `$expire` seconds. */
    public function sign(string $user, int $expire = UserSig::DEFAULT_EXPIRE): string
    {
        $now = intdiv($this->emulator->control('GET', '/clock')['now_ms'], 1000);
        return UserSig::sign($this->sdkappid, $this->key, $user, $expire, $now);
    }

    /**
     * Returns this app's recorded calls, oldest first.
     *
     * @param array{command?: string, user?: string, code?: int, after?: int, limit?: int} $filter
     * @return list<array<string, mixed>>
     */
    public function requests(array $filter = []): array
    {
        $query = http_build_query(['app' => $this->sdkappid] + $filter);
        return $this->emulator->control('GET', "/requests?$query");
    }

    /**
     * Returns this app's webhook calls that the emulator received, once `$count` came or `$waitMs` passed.
     *
     * @return list<array<string, mixed>>
     */
    public function webhooks(int $count = 1, int $waitMs = 5000): array
    {
        $query = http_build_query(['app' => $this->sdkappid, 'count' => $count, 'wait_ms' => $waitMs]);
        return $this->emulator->control('GET', "/webhooks?$query");
    }

    /**
     * Makes this app's calls go wrong, for example `['command' => 'portrait_set', 'next' => 1, 'close' => 'after']`. The
     * members are those of docs/EMULATOR.md.
     *
     * @param array<string, string|int|float> $rule
     */
    public function addFault(array $rule): void
    {
        $this->emulator->control('POST', '/faults', ['app' => $this->sdkappid] + $rule);
    }

    /**
     * Moves the emulator's clock, for example by `181d`, until this app is deleted. All apps share it: such a test must not run
     * beside others.
     */
    public function advance(string $span): void
    {
        $this->clockWasMoved = true;
        $this->emulator->control('PUT', '/clock', ['advance' => $span]);
    }

    /** Deletes the app with all that belongs to it, and sets the clock back if this app moved it. */
    public function delete(): void
    {
        if ($this->clockWasMoved) {
            $this->emulator->control('DELETE', '/clock');
            $this->clockWasMoved = false;
        }
        $this->emulator->control('DELETE', "/apps/$this->sdkappid");
    }

    /** Leaves the key and the UserSig out of dumps. */
    public function __debugInfo(): array
    {
        return ['url' => $this->url, 'sdkappid' => $this->sdkappid, 'admin' => $this->admin];
    }
}
