@echo off
rem espy retrain production, with further options as given.
if "%ESPY%"=="" set ESPY=espy
"%ESPY%" retrain production %*
set status=%errorlevel%
pause
exit /b %status%
