<?php

declare(strict_types=1);

namespace Portraitd\Testing;

/** The emulator is not there, or refused a control call. The text says what to do. */
final class EmulatorException extends \RuntimeException
{
}
