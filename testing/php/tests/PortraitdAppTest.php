<?php

declare(strict_types=1);

namespace Portraitd\Testing\Tests;

use PHPUnit\Framework\TestCase;
use Portraitd\Testing\App;
use Portraitd\Testing\Emulator;
use Portraitd\Testing\EmulatorException;
use Portraitd\Testing\PortraitdApp;
use Portraitd\Testing\UserSig;

final class PortraitdAppTest extends TestCase
{
    use PortraitdApp;

    private const NICK = 'Tag_Profile_IM_Nick';
    private const GET = ['To_Account' => ['alice'], 'TagList' => [self::NICK]];

    protected function portraitdOptions(): array
    {
        return ['webhook' => true];
    }

    private function call(string $path, array $body, ?string $usersig = null, ?string $user = null): array
    {
        $app = $this->portraitd();
        $query = http_build_query([
            'sdkappid' => $app->sdkappid, 'identifier' => $user ?? $app->admin, 'usersig' => $usersig ?? $app->usersig,
            'random' => 7, 'contenttype' => 'json',
        ]);
        $curl = curl_init("$app->url/v4/$path?$query");
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR), CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 15,
        ]);
        return json_decode((string) curl_exec($curl), true, 16, JSON_THROW_ON_ERROR);
    }

    private function add(string $user): void
    {
        self::assertSame(0, $this->call('im_open_login_svc/account_import', ['UserID' => $user])['ErrorCode']);
    }

    public function testASetAndAGetWithCurl(): void
    {
        $this->add('elephant');
        $items = [['Tag' => self::NICK, 'Value' => '昵称']];
        $set = $this->call('profile/portrait_set', ['From_Account' => 'elephant', 'ProfileItem' => $items]);
        self::assertSame(0, $set['ErrorCode']);
        $got = $this->call('profile/portrait_get', ['To_Account' => ['elephant'], 'TagList' => [self::NICK]]);
        self::assertSame($items, $got['UserProfileItem'][0]['ProfileItem']);
        $commands = array_column($this->portraitd()->requests(['user' => 'elephant', 'code' => 0]), 'command');
        self::assertSame(['account_import', 'portrait_set', 'portrait_get'], $commands);
        self::assertSame('elephant', $this->portraitd()->webhooks()[0]['user']);
        self::assertStringNotContainsString($this->portraitd()->key, print_r($this->portraitd(), true));
    }

    public static function rounds(): array
    {
        return [[1], [2]];
    }

    /** @dataProvider rounds */
    #[\PHPUnit\Framework\Attributes\DataProvider('rounds')]
    public function testNoTestSeesTheAccountsOfAnother(int $round): void
    {
        $check = ['CheckItem' => [['UserID' => 'only-here']]];
        $status = fn (): string =>
            $this->call('im_open_login_svc/account_check', $check)['ResultItem'][0]['AccountStatus'];
        self::assertSame('NotImported', $status());
        $this->add('only-here');
        self::assertSame('Imported', $status());
    }

    public function testAWrongKeyIsRefused(): void
    {
        $app = $this->portraitd();
        $forged = UserSig::sign($app->sdkappid, str_repeat('0', 64), $app->admin);
        self::assertSame(70009, $this->call('profile/portrait_get', self::GET, $forged)['ErrorCode']);
        self::assertCount(1, $app->requests(['code' => 70009]));
        // 40004: the UserSig is right, and alice is no App admin.
        $alice = $this->call('profile/portrait_get', self::GET, $app->sign('alice'), 'alice');
        self::assertSame(40004, $alice['ErrorCode']);
    }

    public function testAFaultAndTimeThatPasses(): void
    {
        $app = $this->portraitd();
        $app->addFault(['command' => 'portrait_get', 'next' => 1, 'code' => 60007]);
        self::assertSame(60007, $this->call('profile/portrait_get', self::GET)['ErrorCode']);
        self::assertSame(0, $this->call('profile/portrait_get', self::GET)['ErrorCode']);
        $app->advance('181d');
        self::assertSame(70001, $this->call('profile/portrait_get', self::GET)['ErrorCode']);
        $fresh = $app->sign($app->admin);
        self::assertSame(0, $this->call('profile/portrait_get', self::GET, $fresh)['ErrorCode']);
    }

    /** Runs with changed variables of the environment; false unsets one. */
    private static function with(array $changes, callable $run): mixed
    {
        $before = array_map('getenv', array_combine(array_keys($changes), array_keys($changes)));
        $set = fn (array $to) => array_walk($to, fn ($value, $name) => putenv($value === false ? $name : "$name=$value"));
        $set($changes);
        try {
            return $run();
        } finally {
            $set($before);
        }
    }

    private static function assertFails(string $part, callable $run): void
    {
        try {
            $run();
        } catch (EmulatorException $error) {
            self::assertStringContainsString($part, $error->getMessage());
            return;
        }
        self::fail("nothing failed with: $part");
    }

    public function testStartAndReuse(): void
    {
        $own = self::with(['PORTRAITD_URL' => false], fn () => Emulator::start());
        self::assertTrue($own->started());
        self::assertNotSame(Emulator::shared()->url, $own->url);
        $reused = self::with(['PORTRAITD_URL' => $own->url], fn () => Emulator::start());
        self::assertFalse($reused->started());
        $reused->stop();
        $app = $own->createApp();
        self::assertInstanceOf(App::class, $app);
        $app->delete();
        $own->stop();
        self::assertFails('which PORTRAITD_URL names', fn () => $reused->createApp());
        self::assertFails('has ended, exit code 0', fn () => $own->createApp());
    }

    public function testAnEmulatorThatWasNotFound(): void
    {
        $changes = ['PORTRAITD_URL' => false, 'PORTRAITD_BINARY' => '/nothing'];
        self::with($changes, fn () => self::assertFails(
            'PORTRAITD_BINARY is /nothing, and that is no program. Install it',
            fn () => Emulator::start(),
        ));
        $changes = ['PORTRAITD_URL' => false, 'PORTRAITD_BINARY' => false, 'PATH' => '/nothing'];
        self::with($changes, fn () => self::assertFails(
            'the program portraitd was not found. Install it',
            fn () => Emulator::start(),
        ));
    }

    /** @requires OSFAMILY Linux */
    public function testItEndsWithATestProcessThatIsKilled(): void
    {
        $script = 'require $argv[1]; $own = Portraitd\Testing\Emulator::start(); echo "$own->url\n"; sleep(60);';
        $command = [PHP_BINARY, '-r', $script, '--', __DIR__ . '/bootstrap.php'];
        $environment = array_diff_key(getenv(), ['PORTRAITD_URL' => '']);
        $child = proc_open($command, [1 => ['pipe', 'w']], $pipes, null, $environment);
        $url = trim((string) fgets($pipes[1]));
        $emulator = self::with(['PORTRAITD_URL' => $url], fn () => Emulator::start());
        proc_terminate($child, 9);
        for ($tries = 0; $tries < 100; $tries++) {
            try {
                $emulator->control('GET', '/clock');
            } catch (EmulatorException) {
                $this->addToAssertionCount(1);
                return;
            }
            usleep(100_000);
        }
        self::fail('the emulator goes on');
    }
}
