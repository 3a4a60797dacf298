<?php

// A Thrift client that libfast balances: php client.php TARGET [CALLS]. See README.md.

declare(strict_types=1);

use Calculator\CalculatorClient;
use Thrift\Exception\TException;
use Thrift\Exception\TTransportException;
use Thrift\Protocol\TBinaryProtocol;
use Thrift\Transport\TBufferedTransport;
use Thrift\Transport\TSocket;

const ROOT = __DIR__ . '/../..';
const TRIES = 3;
const TIMEOUT_MS = 1000;

require_once ROOT . '/bindings/php/src/autoload.php';
// Thrift's own library, where Debian's package has it, and what its compiler made. Composer would load both.
spl_autoload_register(function (string $class): void {
    $folders = ['Thrift\\' => ROOT . '/.build/thrift/php-thrift/usr/lib/php/', 'Calculator\\' => ROOT . '/.build/thrift/php/Calculator/'];
    foreach ($folders as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            require_once $folder . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
        }
    }
});

/** The Thrift servers of one service. A connection to each is kept; libfast says which one takes the next call. */
final class Balanced
{
    public int $repeated = 0;
    /** @var array<string, CalculatorClient> */
    private array $connections = [];
    private readonly Fast\Client $servers;

    public function __construct(string $target)
    {
        $this->servers = new Fast\Client($target);
    }

    /** Calls with $do, which gets a Thrift client and may be repeated on another server. */
    public function call(callable $do): mixed
    {
        for ($try = 1;; $try++) {
            $pick = $this->servers->pick();
            $start = hrtime(true);
            try {
                $answer = $do($this->connection($pick->endpoint));
            } catch (TTransportException $failure) {
                // The server's fault, or the network's: libfast prefers others for a while.
                $pick->report(intdiv(hrtime(true) - $start, 1000), false);
                unset($this->connections[$pick->endpoint]);
                if ($try === TRIES) {
                    throw $failure;
                }
                $this->repeated++;
                continue;
            }
            // Also an error that the server answered would count as ok: it did its part.
            $pick->report(intdiv(hrtime(true) - $start, 1000));

            return $answer;
        }
    }

    private function connection(string $endpoint): CalculatorClient
    {
        if (!isset($this->connections[$endpoint])) {
            $colon = strrpos($endpoint, ':');
            // Without its own words on standard error when nobody listens.
            $socket = new TSocket(trim(substr($endpoint, 0, $colon), '[]'), (int) substr($endpoint, $colon + 1), false, fn () => null);
            $socket->setSendTimeout(TIMEOUT_MS);
            $socket->setRecvTimeout(TIMEOUT_MS);
            $transport = new TBufferedTransport($socket);
            try {
                $transport->open();
            } catch (TException $refused) {
                // Thrift 0.17 has no class of its own for this. Its other errors of this class are not the server's fault.
                throw new TTransportException($refused->getMessage(), TTransportException::NOT_OPEN);
            }
            $this->connections[$endpoint] = new CalculatorClient(new TBinaryProtocol($transport));
        }

        return $this->connections[$endpoint];
    }
}

$calculator = new Balanced($argv[1] ?? exit("usage: php client.php TARGET [CALLS]\n"));
[$ok, $failed, $servers] = [0, 0, []];
for ($i = 0; $i < (int) ($argv[2] ?? 1000); $i++) {
    try {
        $answer = $calculator->call(fn (CalculatorClient $thrift) => $thrift->add($i, 1));
    } catch (TTransportException | Fast\FastException $failure) {
        fwrite(STDERR, "add $i: {$failure->getMessage()}\n");
        $failed++;
        continue;
    }
    $answer->sum === $i + 1 ? $ok++ : $failed++;
    $servers[$answer->server] = ($servers[$answer->server] ?? 0) + 1;
}
$servers = (object) $servers;
echo json_encode(['language' => 'php', 'ok' => $ok, 'failed' => $failed, 'repeated' => $calculator->repeated, 'servers' => $servers]), "\n";
