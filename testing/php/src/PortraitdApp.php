<?php

declare(strict_types=1);

namespace Portraitd\Testing;

use PHPUnit\Framework\Attributes\After;

/**
 * For a test case: `$this->portraitd()` is an app for the test that runs, made by the first call and deleted after the test.
 */
trait PortraitdApp
{
    private ?App $portraitdApp = null;

    /** Override it to choose how the apps are made: `empty`, `webhook`, `like`. */
    protected function portraitdOptions(): array
    {
        return [];
    }

    protected function portraitd(): App
    {
        return $this->portraitdApp ??= Emulator::shared()->createApp($this->portraitdOptions());
    }

    /** @after */
    #[After]
    public function deletePortraitdApp(): void
    {
        $app = $this->portraitdApp;
        $this->portraitdApp = null;
        $app?->delete();
    }
}
